// Backups that are not signed where others are, as the guards see them.
#include <algorithm>

#include "common/store/store.h"
#include "tests/support/error_of.h"
#include "tests/support/evidence_fixture.h"
#include "tests/support/signing.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using Strings = std::vector<std::string>;

/// Daily backups of which the newest four are signed, of a week that pg-prune thins out.
class SignedFixture : public EvidenceFixture {
 public:
  SignedFixture() {
    store.use_signatures(believing(kKeyOne));
    rules.retention = {.keep_daily = 7};
    keys = add_daily("app", 9);
    for (size_t i = 0; i < 4; ++i) sign(keys[i], kKeyOne);
  }
  /// As the owner of `key` would, at the time of the manifest.
  void sign(const std::string& manifest_key, const TestKey& key) {
    const MemoryStore::Object& object = store.objects.at(manifest_key);
    store.objects[manifest_key + ".sig"] = {SigningKey(private_pem(key)).sign(object.bytes),
                                            object.modified};
  }
  /// A manifest of an old day, put there five minutes ago.
  std::string forge(std::chrono::seconds age) {
    Manifest forged = manifest("app", age);
    forged.id.back() = 'f';
    const std::string key = add(forged);
    store.objects[key].modified = now - minutes(5);
    return key;
  }
  Strings keys;  ///< of the manifests, newest first
};

TEST_CASE_METHOD(SignedFixture, "What is from before the first signature counts and goes as ever") {
  CHECK(objections().empty());
  CHECK(count_actions(guarded(), Action::remove) == 2);
}

TEST_CASE_METHOD(SignedFixture, "Where nothing is signed yet nothing is frozen") {
  for (const std::string& key : keys) store.objects.erase(key + ".sig");
  CHECK(objections().empty());
  CHECK(count_actions(guarded(), Action::remove) == 2);
}

TEST_CASE_METHOD(SignedFixture, "Where all is signed nothing is frozen") {
  for (const std::string& key : keys) sign(key, kKeyOne);
  CHECK(objections().empty());
}

TEST_CASE_METHOD(SignedFixture, "A forged manifest of any date freezes its group") {
  rules.guards.on_backdated = OnDoubt::allow;
  for (const auto age : {hours(0), hours(30), hours(24 * 8 + 5)}) {
    CAPTURE(age.count());
    const std::string key = forge(age);
    Strings said = objections();
    REQUIRE(said.size() == 1);
    CHECK(contains(said[0], "a backup is not signed, and was stored after the first signed one: "));
    CHECK(contains(said[0], "manifest.json.sig is missing"));
    CHECK(contains(said[0], "PRUNE_ON_UNSIGNED=allow"));
    const Plan made = guarded();
    CHECK(count_actions(made, Action::remove) == 0);
    CHECK(std::count_if(made.steps.begin(), made.steps.end(), [](const Step& step) {
            return step.reasons.has(Reason::not_signed);
          }) == 1);
    CHECK(fails_with(ErrorKind::conflict, "nothing of app was touched", [&] {
      run();
      return 0;
    }));
    sign(key, kKeyTwo);  // a signature is not enough
    said = objections();
    REQUIRE(said.size() == 1);
    CHECK(contains(said[0], "is the signature of another manifest, or by another key"));
    store.objects.erase(key);
    store.objects.erase(key + ".sig");
  }
}

TEST_CASE_METHOD(SignedFixture, "Without BACKUP_VERIFY_KEY, and where it is allowed, all count") {
  forge(hours(30));
  rules.guards.on_backdated = OnDoubt::allow;
  REQUIRE(objections().size() == 1);
  rules.guards.on_unsigned = OnDoubt::allow;
  CHECK(objections().empty());
  rules.guards.on_unsigned = OnDoubt::freeze;
  store.use_signatures({});
  CHECK(objections().empty());
  CHECK(std::none_of(opened.end() - 1, opened.end(),
                     [](const std::string& key) { return key.ends_with(".sig"); }));
}

TEST_CASE_METHOD(SignedFixture, "A manifest that was overwritten or lost its signature freezes") {
  rules.guards.on_backdated = OnDoubt::allow;
  const MemoryStore::Object genuine = store.objects.at(keys[1]);
  store.objects[keys[1]].bytes += " ";
  store.objects[keys[1]].modified = now - minutes(5);
  CHECK(objections().size() == 1);
  store.objects[keys[1]] = genuine;
  CHECK(objections().empty());
  store.objects.erase(keys[1] + ".sig");
  CHECK(objections().size() == 1);
}

TEST_CASE_METHOD(SignedFixture, "Verifications that a stranger wrote let no forged backup count") {
  rules.guards.on_backdated = OnDoubt::allow;
  for (const std::string& key : keys) {
    const std::string folder = key.substr(0, key.rfind('/'));
    const Verification failed = make_verification(now - minutes(3), VerifyDepth::restore, false);
    store.objects[folder + "/" + failed.file] = {"{}", now - minutes(3)};
  }
  forge(hours(24 * 3 + 5));
  const Strings said = objections();
  REQUIRE(said.size() == 1);
  CHECK(contains(said[0], "a backup is not signed"));
}

TEST_CASE_METHOD(SignedFixture, "A false signature beside an old backup begins nothing") {
  store.objects[keys.back() + ".sig"] = {std::string(kSignatureBytes, 'x'), now};
  CHECK(objections().empty());
}

TEST_CASE_METHOD(SignedFixture, "Old keys that are no longer trusted are as none") {
  for (size_t i = 4; i < keys.size(); ++i) sign(keys[i], kKeyTwo);
  CHECK(objections().empty());
}

TEST_CASE_METHOD(SignedFixture, "A key that the writer lost freezes what follows") {
  store.objects.erase(keys[0] + ".sig");
  store.objects.erase(keys[1] + ".sig");
  const Strings said = objections();
  REQUIRE(said.size() == 1);
  CHECK(contains(said[0], "2 backups are not signed, and were stored after"));
}

TEST_CASE_METHOD(SignedFixture, "Other groups are not affected, and need no signatures") {
  add_daily("shop", 9);
  forge(hours(30));
  rules.guards.on_backdated = OnDoubt::allow;
  const Strings said = objections();
  REQUIRE(said.size() == 1);
  CHECK(said[0].starts_with("app: "));
}

TEST_CASE_METHOD(SignedFixture, "What of the signatures cannot be read is passed on") {
  seen.before = [](std::string_view call, std::string_view key) {
    if (call == "open" && key.ends_with(".sig")) throw Error(ErrorKind::transient, "no answer");
  };
  CHECK(fails_with(ErrorKind::transient, "no answer", [&] { return guarded(); }));
}

}  // namespace
}  // namespace pgbackup
