#include "common/catalog/backup_writer.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/sealed.h"
#include "common/codec/age_recipients.h"
#include "common/codec/digest.h"

namespace pgbackup {
namespace {

/// Adds the time until its end to `sum`.
class Timer {
 public:
  Timer(const Clock& clock, std::chrono::nanoseconds& sum)
      : clock_(clock), sum_(sum), begun_(clock.steady()) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { sum_ += clock_.steady() - begun_; }

 private:
  const Clock& clock_;
  std::chrono::nanoseconds& sum_;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace

/// Holds what one destination has of the backup.
struct BackupWriter::Branch {
  const Destination* destination;
  std::vector<std::unique_ptr<ObjectWriter>> writers{};  ///< one for each stream; none: finished
  std::vector<std::vector<StoredObject>> stored{};       ///< of each stream that is finished
  bool has_sealed = false;                               ///< may hold the private part, too
  bool is_open = true;                                   ///< neither committed nor failed
};

/// A stream on its way: it is counted, hashed, packed, and then written to every branch.
class BackupWriter::Stream final : public Sink {
 public:
  Stream(BackupWriter& parent, size_t number, const StreamPlan& plan)
      : parent_(parent),
        plan_(plan),
        outlet_(parent, number),
        packed_(pack(outlet_, plan.packing, plan.effort)),
        uncompressed_(*packed_) {}
  void write(std::string_view bytes) override {
    const Timer timer(parent_.clock_, parent_.spent_.pack);
    uncompressed_.write(bytes);
  }
  void finish() override {
    const Timer timer(parent_.clock_, parent_.spent_.pack);
    uncompressed_.finish();
  }

  [[nodiscard]] bool is_finished() const { return outlet_.is_finished; }
  [[nodiscard]] const StreamPlan& plan() const { return plan_; }
  /// Frees what packed a stream that has ended.
  void release() {
    if (is_finished()) packed_.reset();
  }
  /// Returns everything but the objects, which each destination adds.
  [[nodiscard]] ManifestStream describe() const {
    return {.name = plan_.name,
            .format = plan_.format,
            .packing = plan_.packing,
            .uncompressed_bytes = uncompressed_.bytes(),
            .uncompressed_sha256 = uncompressed_.sha256(),
            .objects = {}};
  }

 private:
  struct Outlet final : public Sink {
    Outlet(BackupWriter& owner, size_t stream) : parent(owner), number(stream) {}
    void write(std::string_view bytes) override { parent.write(number, bytes); }
    void finish() override { is_finished = true; }

    BackupWriter& parent;
    size_t number;
    bool is_finished = false;
  };

  BackupWriter& parent_;
  StreamPlan plan_;
  Outlet outlet_;
  std::unique_ptr<Sink> packed_;
  HashSink uncompressed_;
};

BackupWriter::BackupWriter(const SomeDestinations& destinations, Group group, std::string id,
                           Clock& clock, Log& log)
    : group_(std::move(group)),
      id_(std::move(id)),
      clock_(clock),
      log_(log),
      begun_(clock.steady()) {
  for (const Destination* const destination : destinations) {
    branches_.push_back({.destination = destination});
  }
}

BackupWriter::~BackupWriter() {
  for (Branch& branch : branches_) {
    if (branch.is_open) withdraw(branch, ErrorKind::canceled);
  }
}

Sink& BackupWriter::open_stream(const StreamPlan& plan) {
  const Timer timer(clock_, spent_.store);
  const bool is_mixed =
      !streams_.empty() && streams_.front()->plan().packing.encryption != plan.packing.encryption;
  if (is_mixed) throw Error(ErrorKind::failed, "only a part of the backup would be encrypted");
  const std::string key = fmt::format("{}/{}", backup_folder(group_, id_),
                                      stream_file_name(plan.name, plan.format, plan.packing));
  on_each_branch([&](Branch& branch) {
    finish_streams(branch);  // what is complete takes no memory and no connection
    branch.writers.push_back(branch.destination->store().create(key));
    branch.stored.emplace_back();
  });
  for (const std::unique_ptr<Stream>& stream : streams_) stream->release();
  streams_.push_back(std::make_unique<Stream>(*this, streams_.size(), plan));
  return *streams_.back();
}

/// Writes what a stream has packed. Its time is no time of packing, within which it passes.
void BackupWriter::write(size_t stream, std::string_view bytes) {
  std::chrono::nanoseconds taken{0};
  {
    const Timer timer(clock_, taken);
    on_each_branch([&](Branch& branch) { branch.writers.at(stream)->write(bytes); });
  }
  spent_.store += taken;
  spent_.pack -= taken;
}

StageTimes BackupWriter::stages() const {
  StageTimes times = spent_;
  times.read = clock_.steady() - begun_ - times.pack - times.store - times.commit;
  return times;
}

void BackupWriter::commit(Manifest manifest,
                          const std::function<void(const Destination&)>& confirm) {
  const Timer timer(clock_, spent_.commit);
  manifest.group = group_;
  manifest.id = id_;
  manifest.streams.clear();
  for (const std::unique_ptr<Stream>& stream : streams_) {
    if (!stream->is_finished()) throw Error(ErrorKind::failed, "a stream has not ended");
    manifest.streams.push_back(stream->describe());
  }
  const std::string sealed = manifest.is_encrypted() ? seal(manifest) : "";
  for (Branch& branch : branches_) {
    if (!branch.is_open) continue;
    try {
      finish_streams(branch);
      if (confirm) confirm(*branch.destination);
      commit_to(branch, manifest, sealed);
    } catch (...) {
      const Error error = current_error();
      // The stop came after one destination was done: its backup stays, and the others have none.
      if (error.kind() == ErrorKind::canceled && written_.empty()) throw error;
      drop(branch, error);
    }
  }
  if (written_.empty()) throw join_failures(failures_);
}

/// Completes the objects of the streams that have ended.
void BackupWriter::finish_streams(Branch& branch) {
  for (size_t i = 0; i < branch.writers.size(); ++i) {
    if (branch.writers[i] == nullptr || !streams_[i]->is_finished()) continue;
    branch.writers[i]->finish();
    branch.stored[i] = branch.writers[i]->stored();
    branch.writers[i].reset();
  }
}

/// Returns the private part, encrypted, and describes it in the manifest.
std::string BackupWriter::seal(Manifest& manifest) const {
  const AgeKeys& keys = *streams_.front()->plan().effort.keys;
  std::string sealed = seal_private(manifest, keys);
  manifest.age_version = keys.version;
  manifest.recipients = list_recipients(keys.recipients);
  manifest.sealed = {std::string(kSealedName), sealed.size(), sha256_hex(sealed)};
  return sealed;
}

void BackupWriter::commit_to(Branch& branch, Manifest manifest, const std::string& sealed) {
  Store& store = branch.destination->store();
  std::vector<StoredObject> objects;
  for (size_t i = 0; i < branch.stored.size(); ++i) {
    for (const StoredObject& object : branch.stored[i]) {
      manifest.streams[i].objects.push_back(
          {object.key.substr(object.key.rfind('/') + 1), object.bytes, object.sha256});
      objects.push_back(object);
    }
  }
  if (manifest.sealed) {
    const ManifestObject& object = *manifest.sealed;
    const std::string key = fmt::format("{}/{}", backup_folder(group_, id_), object.name);
    branch.has_sealed = true;  // although the reply may be lost
    store.put(key, sealed);
    objects.push_back({key, object.bytes, object.sha256});
  }
  manifest.finished = clock_.now();
  manifest.locked_until = store.locked_until();
  store.commit(backup_folder(group_, id_), format_manifest(manifest), objects);
  branch.is_open = false;
  log_written(branch.destination->name(), manifest);
  written_.push_back({branch.destination->name(), std::move(manifest)});
}

void BackupWriter::log_written(const std::string& destination, const Manifest& manifest) {
  LogFields fields = {{"bytes", LogBytes{manifest.stored_bytes()}},
                      {"uncompressed_bytes", LogBytes{manifest.uncompressed_bytes()}},
                      {"seconds", (manifest.finished - manifest.started).count()}};
  if (!destination.empty()) fields.emplace_back("destination", destination);
  log_.info("backed up", fields);
}

/// Calls `work` for each open branch. Throws `canceled` as it is, and the errors of all branches
/// when none is left.
void BackupWriter::on_each_branch(const std::function<void(Branch&)>& work) {
  bool is_any_left = false;
  for (Branch& branch : branches_) {
    if (!branch.is_open) continue;
    try {
      work(branch);
      is_any_left = true;
    } catch (...) {
      drop(branch, current_failure());
    }
  }
  if (!is_any_left) throw join_failures(failures_);
}

void BackupWriter::drop(Branch& branch, const Error& error) {
  const std::string& destination = branch.destination->name();
  failures_.push_back({destination, error});
  branch.is_open = false;
  if (failures_.size() < branches_.size()) {  // else it is thrown, and said there
    LogFields fields = {{"destination", destination}, {"cause", error.message()}};
    if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
    log_.warn("a destination gets no backup this time", fields);
  }
  withdraw(branch, error.kind());
}

/// Abandons what is unfinished, and deletes what is complete. The reply to the manifest may be lost
/// although it was written: the manifest goes first, as in pruning. After a conflict the manifest,
/// its signature, the sums and the private part that are there belong to someone else.
void BackupWriter::withdraw(Branch& branch, ErrorKind cause) noexcept {
  branch.writers.clear();
  try {
    Store& store = branch.destination->store();
    const std::string folder = backup_folder(group_, id_);
    std::vector<std::string> keys;
    for (const std::vector<StoredObject>& objects : branch.stored) {
      for (const StoredObject& object : objects) keys.push_back(object.key);
    }
    if (keys.empty()) return;
    if (cause != ErrorKind::conflict) {
      keys.insert(keys.begin(), fmt::format("{}/{}", folder, kManifestName));
      keys.push_back(fmt::format("{}/{}", folder, kSumsName));
      if (branch.has_sealed) keys.push_back(fmt::format("{}/{}", folder, kSealedName));
      if (store.signatures().key) keys.push_back(fmt::format("{}/{}", folder, kSignatureName));
    }
    try {
      for (const std::string& key : keys) store.remove(key);
    } catch (...) {
      // The cause is already on its way up; pg-prune sweeps directories without a manifest.
      log_.warn("could not clean up",
                {{"backup", store.location(folder)}, {"cause", current_error().message()}});
    }
  } catch (...) {
    return;  // out of memory, or a destination that could not be opened
  }
}

}  // namespace pgbackup
