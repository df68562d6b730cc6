#include "binding/machine_binding.h"

#include <string>

#include "backend/devices.h"
#include "binding/errors.h"
#include "binding/writer.h"
#include "core/machine.h"

namespace quern {

namespace {

// machine(): NativeMachine
Napi::Value machine(const Napi::CallbackInfo& args) {
  const Writer object(args.Env(), "NativeMachine");
  object.texts("isas", cpu_isas());
  object.number("processors", usable_processors());
  object.number("availableMemory", available_memory());
  return object.written();
}

// Measures on one of libuv's threads, which nobody waits for meanwhile.
class Measurement : public Napi::AsyncWorker {
 public:
  Measurement(Napi::Env env, std::string isa, int threads)
      : AsyncWorker(env),
        isa_(std::move(isa)),
        threads_(threads),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override { limits_ = measure_cpu(isa_, threads_); }
  void OnOK() override {
    const Writer object(Env(), "NativeMachineLimits");
    object.number("readBytesPerSecond", limits_.read_bytes_per_second);
    object.number("multiplyAddsPerSecond", limits_.multiply_adds_per_second);
    deferred_.Resolve(object.written());
  }
  void OnError(const Napi::Error& error) override {
    deferred_.Reject(to_js_error(Env(), {"internal", error.Message()}).Value());
  }

 private:
  const std::string isa_;
  const int threads_;
  Napi::Promise::Deferred deferred_;
  MachineLimits limits_;
};

// measureMachine(isa: string, threads: number): Promise<NativeMachineLimits>
Napi::Value measure_machine(const Napi::CallbackInfo& args) {
  Napi::Env env = args.Env();
  return guarded(env, [&]() -> Napi::Value {
    std::string isa = args[0].ToString().Utf8Value();
    check_cpu_isa(isa);
    const int threads = args[1].ToNumber();
    auto* const measurement = new Measurement(env, std::move(isa), threads);  // deletes itself
    measurement->Queue();
    return measurement->promise();
  });
}

}  // namespace

void export_machine(Napi::Env env, Napi::Object exports) {
  exports.Set("machine", Napi::Function::New(env, machine, "machine"));
  exports.Set("measureMachine", Napi::Function::New(env, measure_machine, "measureMachine"));
}

}  // namespace quern
