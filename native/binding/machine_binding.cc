#include "binding/machine_binding.h"

#include <string>
#include <vector>

#include "backend/devices.h"
#include "binding/errors.h"
#include "binding/writer.h"
#include "core/machine.h"
#include "model/weights.h"

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

// What matrices can be in memory, each with 'fast' and with 'exact' precision.
struct Product {
  std::string dtype;
  CpuProductWanted wanted;
};
std::vector<Product> all_products() {
  std::vector<Product> products;
  const auto add = [&](const std::string& dtype) {
    for (const bool exact : {false, true}) products.push_back({dtype, {weight_choice(dtype)->layers, exact}});
  };
  for (const Dtype dtype : kDtypes) add(std::string(name_of(dtype)));
  for (const char* name : kQuantizations) add(name);
  return products;
}

// products(isa: string): NativeProduct[]
Napi::Value products(const Napi::CallbackInfo& args) {
  Napi::Env env = args.Env();
  return guarded(env, [&]() -> Napi::Value {
    const std::string isa = args[0].ToString().Utf8Value();
    Napi::Array array = Napi::Array::New(env);
    for (const auto& [dtype, wanted] : all_products()) {
      const CpuProduct product = cpu_product(isa, *wanted.format, wanted.exact);
      const Writer object(env, "NativeProduct");
      object.text("dtype", dtype);
      object.flag("exact", wanted.exact);
      object.text("format", std::string(wanted.format->name));
      object.text("isa", product.isa);
      object.flag("int8Activations", product.int8_activations);
      put(array, array.Length(), object.written());
    }
    return array;
  });
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

  void Execute() override {
    limits_ = measure_cpu(isa_, threads_);
    std::vector<CpuProductWanted> wanted;
    for (const Product& product : all_products()) wanted.push_back(product.wanted);
    products_ = measure_cpu_products(isa_, threads_, wanted);
  }
  void OnOK() override {
    const Writer object(Env(), "NativeMachineLimits");
    object.number("readBytesPerSecond", limits_.read_bytes_per_second);
    object.number("multiplyAddsPerSecond", limits_.multiply_adds_per_second);
    object.doubles("productMultiplyAddsPerSecond", products_);
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
  std::vector<double> products_;
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
  exports.Set("products", Napi::Function::New(env, products, "products"));
  exports.Set("measureMachine", Napi::Function::New(env, measure_machine, "measureMachine"));
}

}  // namespace quern
