#include "binding/device_binding.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "backend/devices.h"
#include "binding/errors.h"
#include "binding/wakeup.h"
#include "binding/writer.h"

namespace quern {

namespace {

std::optional<Napi::Object> to_js(Napi::Env env, const std::optional<Failure>& problem) {
  if (!problem) return std::nullopt;
  const Writer object(env, "NativeProblem");
  object.text("code", problem->code);
  object.text("message", problem->message);
  return object.written();
}

Napi::Object to_js(Napi::Env env, const ProbedDevice& device) {
  const Writer object(env, "NativeProbedDevice");
  object.number("index", device.index);
  object.text("name", device.name);
  object.text("isa", device.isa);
  object.number("capabilityMajor", device.capability_major);
  object.number("capabilityMinor", device.capability_minor);
  object.number("multiprocessors", device.multiprocessors);
  object.number("memoryBytes", device.memory_bytes);
  object.number("memoryFree", device.memory_free);
  object.optional_object("problem", to_js(env, device.problem));
  return object.written();
}

Napi::Object to_js(Napi::Env env, const DeviceProbe& probe) {
  Napi::Array devices = Napi::Array::New(env);
  for (const ProbedDevice& device : probe.devices) put(devices, devices.Length(), to_js(env, device));
  const Writer object(env, "NativeDeviceProbe");
  object.text("kind", probe.kind);
  object.number("driverVersion", probe.driver_version);
  object.number("runtimeVersion", probe.runtime_version);
  object.optional_object("problem", to_js(env, probe.problem));
  object.objects("devices", devices);
  return object.written();
}

// What the probing thread leaves for JavaScript.
struct Found {
  DeviceProbe probe;
  std::optional<Failure> failure;
};

// probeDevices(library: string): Promise<NativeDeviceProbe>
//
// On a thread of its own, which nobody waits for: a driver that hangs would hold one of libuv's for good.
Napi::Value probe_devices(const Napi::CallbackInfo& args) {
  Napi::Env env = args.Env();
  return guarded(env, [&]() -> Napi::Value {
    const auto found = std::make_shared<Found>();
    const auto deferred = Napi::Promise::Deferred::New(env);
    const Wakeup done(env, "quern probe", [found, deferred](Napi::Env call_env) {
      if (found->failure)
        deferred.Reject(to_js_error(call_env, *found->failure).Value());
      else
        deferred.Resolve(to_js(call_env, found->probe));
    });
    done.unref(env);
    std::thread([found, done, library = args[0].ToString().Utf8Value()] {
      try {
        found->probe = probe_library(library);
      } catch (...) {
        found->failure = current_failure();
      }
      done.call();
      done.release();
    }).detach();
    return deferred.Promise();
  });
}

}  // namespace

void export_devices(Napi::Env env, Napi::Object exports) {
  exports.Set("probeDevices", Napi::Function::New(env, probe_devices, "probeDevices"));
}

}  // namespace quern
