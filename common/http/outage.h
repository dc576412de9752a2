// While a server fails, one row of attempts at a time finds out whether it is back, and the others
// wait: no storm of requests meets a server that struggles. Who probes ends by itself (its time is
// bounded), so nobody else needs a clock. Knows nothing of S3.
// https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace pgbackup {

/// Shared by all threads that talk to one server. Any success ends the outage, also of a request
/// that was on its way: a server that refuses now and then keeps all its clients at work.
class Outage {
 public:
  /// The part that one row of attempts plays. For one thread; `outage` must outlive it. A prober
  /// that goes away makes room for the next.
  class Row {
   public:
    explicit Row(Outage& outage) : outage_(outage) {}
    Row(const Row&) = delete;
    Row& operator=(const Row&) = delete;
    ~Row() { give_up(); }

    /// True when enter() would not wait. A row that returns during an outage is the prober.
    [[nodiscard]] bool may_enter();
    /// Waits while another row probes. False once `stop` is requested.
    [[nodiscard]] bool enter(const std::stop_token& stop);
    /// The first one to fail probes from now on.
    void fail();
    void succeed();
    /// Makes room for the next prober, as going away does.
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

  /// True while requests wait for the one that probes.
  [[nodiscard]] bool is_on() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_on_ = false;
  const Row* prober_ = nullptr;  ///< only compared
};

}  // namespace pgbackup
