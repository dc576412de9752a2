#include "common/codec/sink.h"

#include <optional>

namespace pgbackup {

void pour(Source& source, Sink& sink) {
  std::vector<char> buffer(kPumpBytes);
  while (const size_t got = source.read(buffer)) {
    sink.write({buffer.data(), got});
  }
}

void pump(Source& source, Sink& sink) {
  pour(source, sink);
  sink.finish();
}

void Tee::write(std::string_view bytes) {
  on_each([bytes](Sink& sink) { sink.write(bytes); });
}

void Tee::finish() {
  on_each([](Sink& sink) { sink.finish(); });
}

void Tee::on_each(const std::function<void(Sink&)>& call) {
  std::vector<Sink*> left;
  std::optional<Error> failure;
  for (Sink* const sink : sinks_) {
    try {
      call(*sink);
      left.push_back(sink);
    } catch (...) {
      failure = current_failure();
      let_go_(*sink, *failure);
    }
  }
  sinks_ = std::move(left);
  if (sinks_.empty() && failure) throw Error(*failure);
}

}  // namespace pgbackup
