// The style sheet of the status page, and its icons. tests/e2e/page.sh measures the contrast of the
// colours in both schemes.
#pragma once

#include <string_view>

namespace pgbackup {

/// The style sheet, which is inline in the page. Elements have classes and no style attributes,
/// since the page's own policy refuses these.
inline constexpr std::string_view kPageStyle = R"css(
:root{color-scheme:light dark;--bg:#f2f4f7;--card:#fff;--ink:#14202b;--soft:#52606c;--line:#dbe1e8;
--none:#d3dae2;--focus:#0b5cad;--shadow:0 1px 2px #14202b14,0 4px 16px #14202b0d;
--good:#0a6b44;--good-t:#dcf4e7;--late:#7d4b00;--late-t:#fdeecd;--failing:#ad2018;--failing-t:#fde5e2;
--damaged:#a01240;--damaged-t:#fde3ec;--never:#86198f;--never-t:#f9e6fb;--frozen:#0b56a4;--frozen-t:#deedfd;
--ended:#52606c;--ended-t:#e8ecf0}
@media(prefers-color-scheme:dark){:root{--bg:#0c1116;--card:#141b22;--ink:#e6edf4;--soft:#9dafbf;
--line:#27323d;--none:#2b3743;--focus:#86c2ff;--shadow:none;
--good:#5ad39b;--good-t:#11362a;--late:#f2bf5e;--late-t:#3b2c0c;--failing:#ff9c92;--failing-t:#451a1a;
--damaged:#ff97b6;--damaged-t:#451828;--never:#eba6f5;--never-t:#3c1a43;--frozen:#8cc5ff;--frozen-t:#11314f;
--ended:#9dafbf;--ended-t:#212c36}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;overflow-wrap:anywhere}
.good{--c:var(--good);--t:var(--good-t)}.late{--c:var(--late);--t:var(--late-t)}
.failing{--c:var(--failing);--t:var(--failing-t)}.damaged{--c:var(--damaged);--t:var(--damaged-t)}
.never{--c:var(--never);--t:var(--never-t)}.frozen{--c:var(--frozen);--t:var(--frozen-t)}
.ended{--c:var(--ended);--t:var(--ended-t)}
a{color:var(--frozen)}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px;border-radius:6px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--card);padding:8px 12px;z-index:1}
header,main,footer{max-width:1040px;margin:0 auto;padding:0 20px}
header{padding-top:32px}
.over{margin:0 0 4px;color:var(--soft);font-size:.85rem;letter-spacing:.02em}
.hero{display:flex;gap:16px;align-items:center}
.hero .icon{flex:none;width:52px;height:52px;padding:12px;border-radius:16px;background:var(--t);color:var(--c)}
h1{margin:0;font-size:clamp(1.5rem,4.6vw,2.2rem);line-height:1.15;letter-spacing:-.02em}
.sub{margin:6px 0 0;color:var(--soft)}
.tiles{display:flex;flex-wrap:wrap;gap:8px;margin:20px 0 0;padding:0;list-style:none}
.tiles li{display:flex;align-items:center;gap:6px;padding:5px 12px 5px 8px;border-radius:999px;background:var(--t);
color:var(--c);font-weight:600;font-size:.9rem}
.tiles .icon{width:18px;height:18px}
.icon{fill:none;stroke:currentColor;stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}
section{margin:32px 0 0}details+h2,p+h2{margin-top:32px}
h2{margin:0 0 12px;font-size:1.1rem;letter-spacing:-.01em}
h2 small{font-weight:400;color:var(--soft)}
.card,details.group{background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shadow);
margin:0 0 10px}
.card{padding:16px 18px}
details.group>summary{display:grid;grid-template-columns:28px minmax(0,1fr) minmax(0,26rem);gap:4px 12px;align-items:center;
padding:12px 18px;cursor:pointer;list-style:none;border-radius:14px}
summary::-webkit-details-marker{display:none}
details.group>summary:hover{background:color-mix(in srgb,var(--t) 35%,transparent)}
summary .icon{width:28px;height:28px;padding:5px;border-radius:9px;background:var(--t);color:var(--c)}
summary .who{display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 10px;min-width:0}
h3{margin:0;font-size:1.02rem;min-width:0}
.badge{color:var(--c);font-weight:650;font-size:.85rem}
.when{color:var(--soft);font-size:.85rem}
.strip{display:block;width:100%;height:22px}
.strip rect{fill:var(--none)}.strip .y{fill:var(--good)}.strip .x{fill:var(--damaged)}
.legend{margin:0 0 10px;color:var(--soft);font-size:.8rem}
.legend .strip{display:inline-block;width:7px;height:14px;margin-left:8px;vertical-align:-2px}
.columns{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:4px 36px;align-items:start}
.body{padding:2px 18px 18px;border-top:1px solid var(--line)}
.verdict{margin:14px 0 0;padding:10px 14px;border-radius:10px;background:var(--t);color:var(--c);font-weight:550}
.note{margin:8px 0 0;color:var(--soft);font-size:.92rem}
.bad{margin:0 0 10px;padding:12px 16px;border-radius:12px;background:var(--failing-t);color:var(--failing)}
dl.facts{display:grid;grid-template-columns:1fr 1fr;gap:12px 20px;margin:16px 0 0}
dt{color:var(--soft);font-size:.8rem}
dd{margin:0;font-weight:550;font-size:.95rem}
dd small{display:block;font-weight:400;color:var(--soft);font-size:.82rem}
figure{margin:18px 0 0}
figcaption{color:var(--soft);font-size:.82rem;margin-top:6px}
.sizes{display:block;width:100%;height:96px;overflow:visible}
.sizes .area{fill:var(--frozen);opacity:.14}
.sizes .line,.sizes .dots{fill:none;stroke:var(--frozen);stroke-width:2;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.sizes .dots{stroke-width:6;stroke-linecap:round}
.sizes .base{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.ends{display:flex;justify-content:space-between;gap:12px;color:var(--soft);font-size:.78rem;font-variant-numeric:tabular-nums}
.window{display:block;width:100%;height:18px}
.window rect{fill:var(--none)}.window .y{fill:var(--good)}.window .x{fill:var(--failing)}
.all{margin:18px 0 0}
.all>summary{cursor:pointer;font-weight:600;font-size:.92rem;padding:4px 0}
table{width:100%;border-collapse:collapse;font-size:.88rem;margin-top:6px}
th{text-align:left;font-weight:600;color:var(--soft);font-size:.78rem}
th,td{padding:8px 24px 8px 0;border-top:1px solid var(--line);vertical-align:top}
td:last-child,th:last-child{padding-right:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td time{font-variant-numeric:tabular-nums;font-weight:550}td:first-child time{white-space:nowrap}
code{display:block;font:.72rem/1.5 ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace;color:var(--soft)}
td small{display:block;color:var(--soft);font-size:.8rem}
.chip{display:inline-block;padding:0 8px;border-radius:999px;background:var(--t);color:var(--c);font-size:.78rem;font-weight:600}
h3+.rules{margin-top:8px}.card h3:not(:first-child){margin-top:18px;font-size:.95rem}
.rules{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:10px 24px;margin:12px 0 0}
.rules dt{font-family:ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace;font-size:.74rem}
ul.plain{margin:8px 0 0;padding-left:20px}
footer{padding-top:28px;padding-bottom:40px;color:var(--soft);font-size:.82rem}
@media(max-width:760px){.columns{grid-template-columns:minmax(0,1fr)}}
@media(max-width:640px){header,main,footer{padding-left:12px;padding-right:12px}header{padding-top:20px}
details.group>summary{grid-template-columns:28px minmax(0,1fr);padding:12px}
details.group>summary .strip{grid-column:1/3}th,td{padding-right:8px}td:first-child time{font-size:.74rem}.n{white-space:normal;min-width:3.2rem}.body{padding:2px 12px 14px}.hero .icon{width:44px;height:44px;padding:10px}}
@media(forced-colors:active){.strip .y,.window .y{fill:CanvasText}.strip rect,.window rect{fill:GrayText}}
@media print{body{background:#fff}details.group,.card{break-inside:avoid;box-shadow:none}}
)css";

/// The icons, one for each state, so that no state is told by its colour alone.
inline constexpr std::string_view kPageIcons =
    R"svg(<svg width="0" height="0" aria-hidden="true" class="skip"><defs>
<symbol id="good" viewBox="0 0 24 24"><path d="M4.5 12.5l5 5 10-11"/></symbol>
<symbol id="late" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9"/><path d="M12 6.5V12l3.5 2.5"/></symbol>
<symbol id="failing" viewBox="0 0 24 24"><path d="M6 6l12 12M18 6L6 18"/></symbol>
<symbol id="damaged" viewBox="0 0 24 24"><path d="M12 3L2.5 20h19zM12 10v4M12 17v.1"/></symbol>
<symbol id="never" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9"/><path d="M5.7 5.7l12.6 12.6"/></symbol>
<symbol id="frozen" viewBox="0 0 24 24"><path d="M12 2.5v19M3.8 7.2l16.4 9.6M3.8 16.8l16.4-9.6"/></symbol>
<symbol id="ended" viewBox="0 0 24 24"><path d="M5 12h14"/></symbol>
</defs></svg>
)svg";

/// The icon of the tab, as a URL that loads nothing.
inline constexpr std::string_view kPageTabIcon =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect "
    "width='24' height='24' rx='6' fill='%230b56a4'/%3E%3Cpath d='M6 12.5l4 4 8-9' fill='none' "
    "stroke='%23fff' stroke-width='2.6'/%3E%3C/svg%3E";

}  // namespace pgbackup
