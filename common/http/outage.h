// Keeps a storm of requests off a server that struggles: while the server fails, one row of
// attempts at a time probes whether it is back, and the others wait. A probe ends by itself (its
// time is bounded), so no other row needs a clock. Knows nothing of S3.
// https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace pgbackup {

/// Coordinates all threads that talk to one server. Any success ends the outage, also that of a
/// request that was on its way: a server that refuses only some requests keeps all its clients at
/// work.
class Outage {
 public:
  /// Plays the part of one row of attempts. Used by one thread; `outage` must outlive the row. A
  /// prober that is destroyed makes room for the next.
  class Row {
   public:
    explicit Row(Outage& outage) : outage_(outage) {}
    Row(const Row&) = delete;
    Row& operator=(const Row&) = delete;
    ~Row() { give_up(); }

    /// Returns true when enter() would not wait. A row that gets true during an outage becomes the
    /// prober.
    [[nodiscard]] bool may_enter();
    /// Waits while another row probes. Returns false once `stop` is requested.
    [[nodiscard]] bool enter(const std::stop_token& stop);
    /// Notes a failed attempt. The first row to fail becomes the prober.
    void fail();
    void succeed();
    /// Makes room for the next prober, as the destructor does: a row that has failed and is neither
    /// repeated nor destroyed lets the others wait.
    void give_up();

   private:
    [[nodiscard]] bool may_go() const;
    void take_role();

    Outage& outage_;
  };

  Outage() = default;
  Outage(const Outage&) = delete;
  Outage& operator=(const Outage&) = delete;
  ~Outage() = default;

  /// Returns true while requests wait for the one that probes.
  [[nodiscard]] bool is_on() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_on_ = false;
  const Row* prober_ = nullptr;  ///< only compared
};

}  // namespace pgbackup
