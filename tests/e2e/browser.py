#!/usr/bin/env python3
"""browser.py URL FOLDER: looks at the status page in headless Chromium, wide and narrow, light and dark, by mouse,
keyboard and screen reader. Puts screenshots into FOLDER. Prints what is wrong, a line each; exit 1 if anything is.
STATUS_LOGIN=user:password is sent along. Speaks the DevTools protocol over a pipe, so that no port is open."""
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

WIDE, NARROW = 1280, 360
SHORT = 15  # seconds that a command may take

# Returns each text whose contrast with what is behind it is below 4.5 (WCAG 2.2, 1.4.3).
CONTRAST = """(() => {
  const parse = text => {
    const srgb = text.match(/^color\\(srgb ([\\d.e-]+) ([\\d.e-]+) ([\\d.e-]+)(?: \\/ ([\\d.e-]+))?\\)$/);
    if (srgb) return [srgb[1] * 255, srgb[2] * 255, srgb[3] * 255, srgb[4] === undefined ? 1 : +srgb[4]];
    const parts = text.match(/[\\d.]+/g).map(Number);
    return [parts[0], parts[1], parts[2], parts.length > 3 ? parts[3] : 1];
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = color => {
    const [r, g, b] = color.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const found = {};
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('svg,style') || !element.checkVisibility()) continue;
    ++seen;
    const under = behind(element);
    const a = light(over(parse(getComputedStyle(element).color), under)), b = light(under);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found[`${element.tagName} .${element.className}`] =
        `${ratio.toFixed(2)} of '${walker.currentNode.data.trim().slice(0, 40)}'`;
  }
  return {seen, found};
})()"""

# Returns what sticks out of the page at the right.
OVERFLOW = """(() => {
  const width = document.documentElement.clientWidth;
  const out = [...document.body.querySelectorAll('*')].filter(e => !e.closest('svg') && e.checkVisibility() &&
      !e.classList.contains('skip') && e.getBoundingClientRect().right > width + 0.5);
  return {scroll: document.documentElement.scrollWidth - width,
          out: out.slice(0, 5).map(e => `${e.tagName}.${e.className}: ${e.textContent.slice(0, 40)}`)};
})()"""

# Returns what could run or load something.
ACTIVE = """[...document.querySelectorAll('*')].filter(e =>
    ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'IMG', 'FORM', 'AUDIO', 'VIDEO'].includes(e.tagName) ||
    [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style' ||
        (['href', 'src'].includes(a.name) && !/^(#|data:image\\/svg)/.test(a.value)))).map(e => e.outerHTML.slice(0, 80))"""

FOCUSABLE = """[...document.querySelectorAll('a[href],summary,button,input,[tabindex]')].filter(e => e.checkVisibility())
    .map(e => e.textContent.trim().slice(0, 60))"""

FOCUSED = """(() => { const e = document.activeElement;
  if (e === document.body) return null;
  const box = e.getBoundingClientRect();
  return {text: e.textContent.trim().slice(0, 60), shown: box.width > 0 && box.left >= 0 && box.right <= innerWidth + 1,
          outline: getComputedStyle(e).outlineStyle}; })()"""


class Browser:
    def __init__(self, profile):
        program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)
        if program is None:
            sys.exit("needs the package chromium-headless-shell")
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()

        def connect():  # it reads from 3 and writes to 4
            read, write = os.dup(to_browser), os.dup(from_browser)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={profile}",
             "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server", "--no-first-run", "--hide-scrollbars",
             "--disable-background-networking", "about:blank"],
            preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.events, self.number, self.session = b"", [], 0, None

    def message(self, deadline):
        while b"\0" not in self.buffer:
            if not select.select([self.read_end], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            chunk = os.read(self.read_end, 1 << 16)
            if not chunk:
                raise EOFError("the browser has ended")
            self.buffer += chunk
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.write_end, data):]
        deadline = time.monotonic() + 4 * SHORT
        while True:
            message = self.message(deadline)
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, event):
        deadline = time.monotonic() + 4 * SHORT
        while not any(one.get("method") == event for one in self.events):
            self.events.append(self.message(deadline))

    def ask(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def open_page(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")
        if login := os.environ.get("STATUS_LOGIN"):
            value = "Basic " + base64.b64encode(login.encode()).decode()
            self.call("Network.setExtraHTTPHeaders", headers={"Authorization": value})
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def show(self, width, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=2,
                  mobile=width == NARROW)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 5000), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def press_key(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def close(self):
        self.process.kill()
        self.process.wait()


def looks(browser, folder):
    """Yields what is wrong with how it looks, in each width and scheme, closed and open."""
    for width in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            browser.show(width, scheme)
            browser.picture(folder / f"{width}-{scheme}.png")
            for state in ("as it is", "all open"):
                if state == "all open":
                    browser.ask("document.querySelectorAll('details').forEach(d => { d.was = d.open; d.open = true; })")
                where = f"{width} px, {scheme}, {state}"
                contrast = browser.ask(CONTRAST)
                if contrast["seen"] < 10:
                    yield f"{where}: hardly any text"
                for place, what in contrast["found"].items():
                    yield f"{where}: contrast {what} in {place}"
                overflow = browser.ask(OVERFLOW)
                if overflow["scroll"] > 0 or overflow["out"]:
                    yield f"{where}: sticks out by {overflow['scroll']} px: {overflow['out']}"
            browser.picture(folder / f"{width}-{scheme}-open.png")
            browser.ask("document.querySelectorAll('details').forEach(d => { d.open = d.was; })")


def keyboard(browser):
    """Yields what is wrong for who has no mouse."""
    browser.show(WIDE, "light")
    expected = browser.ask(FOCUSABLE)
    browser.ask("document.activeElement.blur(); window.scrollTo(0, 0)")
    got = []
    for _ in expected:
        browser.press_key("Tab", 9)
        focused = browser.ask(FOCUSED)
        if focused is None:
            yield f"the focus is lost after {got[-1:]}"
            return
        got.append(focused["text"])
        if not focused["shown"]:
            yield f"the focus is on what is not seen: {focused['text']}"
        if focused["outline"] == "none":
            yield f"the focus does not show: {focused['text']}"
    if got != expected:
        yield f"the order of the keyboard is {got}, that of the page {expected}"
    before = browser.ask("document.activeElement.parentElement.open")
    browser.press_key("Enter", 13)
    browser.call("Input.dispatchKeyEvent", type="char", text="\r")
    if browser.ask("document.activeElement.tagName") == "SUMMARY" and \
            browser.ask("document.activeElement.parentElement.open") == before:
        yield "Enter opens and closes nothing"


def screen_reader(browser):
    """Yields what is wrong for who hears the page."""
    nodes = [node for node in browser.call("Accessibility.getFullAXTree")["nodes"] if not node.get("ignored")]
    roles = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes]
    for role in ("main", "banner", "contentinfo", "heading"):
        if role not in [one for one, _ in roles]:
            yield f"there is no {role}"
    for role, name in roles:
        if role in ("heading", "DisclosureTriangle", "link", "image", "region") and not name.strip():
            yield f"a {role} has no name"
    levels = [int(p["value"]["value"]) for node in nodes if node["role"]["value"] == "heading"
              for p in node.get("properties", []) if p["name"] == "level"]
    if levels[:1] != [1] or any(after > before + 1 for before, after in zip(levels, levels[1:])):
        yield f"the levels of the headings are {levels}"
    words = ("good", "late", "failing", "damaged", "frozen", "never backed up", "ended")
    for role, name in roles:
        if role == "DisclosureTriangle" and "newest" not in name and not any(word in name for word in words):
            yield f"a group is announced without its state: {name}"


def activity(browser, url):
    """Yields what the page has run, loaded or complained about."""
    for element in browser.ask(ACTIVE):
        yield f"an element that could run or load something: {element}"
    for event in browser.events:
        method, parameters = event.get("method"), event.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded",
                      "Page.javascriptDialogOpening"):
            yield f"{method}: {json.dumps(parameters)[:300]}"
        if method == "Network.requestWillBeSent":
            loaded = parameters["request"]["url"]
            if loaded != url and not loaded.startswith("data:"):
                yield f"it loads {loaded}"


def main():
    url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            browser.open_page(url)
            wrong = [*looks(browser, folder), *keyboard(browser), *screen_reader(browser), *activity(browser, url)]
            (folder / "page.txt").write_text(browser.ask("document.body.innerText"), encoding="utf-8")
        finally:
            browser.close()
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
