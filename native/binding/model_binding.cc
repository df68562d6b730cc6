#include "binding/model_binding.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "backend/devices.h"
#include "binding/errors.h"
#include "binding/options.h"
#include "binding/own_members.h"
#include "binding/read_task.h"
#include "binding/rows.h"
#include "binding/running_requests.h"
#include "binding/wakeup.h"
#include "engine/load_engine.h"

namespace quern {

namespace {

// A model as JavaScript holds it. Rows reach JavaScript through `wake_`, which keeps
// the process alive exactly while requests run.
class ModelBinding : public Napi::ObjectWrap<ModelBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Model",
        {InstanceMethod<&ModelBinding::submit>("submit"), InstanceMethod<&ModelBinding::cancel>("cancel"),
         InstanceMethod<&ModelBinding::consumed>("consumed"), InstanceMethod<&ModelBinding::stats>("stats"),
         InstanceMethod<&ModelBinding::info>("info"), InstanceMethod<&ModelBinding::close>("close")});
  }

  // Called by finish_loading alone: takes the engine and the function that it wakes.
  explicit ModelBinding(const Napi::CallbackInfo& args) : ObjectWrap(args) {}

  // `self` is where the wake-ups look for this object; the destructor clears it.
  void adopt(Napi::Env env, std::unique_ptr<Engine> engine, Wakeup wake,
             std::shared_ptr<ModelBinding*> self) {
    engine_ = std::move(engine);
    wake_ = wake;
    self_ = std::move(self);
    *self_ = this;
    // When a worker or the process ends without close(): registered after the thread-safe function's own
    // hook, so it runs before that.
    napi_add_env_cleanup_hook(env, &ModelBinding::end, this);
  }

  ~ModelBinding() override {
    shut_down(Env());
    if (self_) *self_ = nullptr;
  }

  // Gives what has arrived to JavaScript. On the JavaScript thread.
  std::vector<napi_value> drain(Napi::Env env) {
    const Rows rows = engine_ ? engine_->take() : Rows{};
    for (const uint32_t request : rows.requests) running_.given(request, 1);
    for (const Answer& answer : rows.answers)
      if (answer.is_last()) running_.ended(answer.request);
    keep_alive(env);
    return to_js(env, rows);
  }

 private:
  // Reading a task may run JavaScript, which may close this model: the engine is looked for afterwards.
  Napi::Value submit(const Napi::CallbackInfo& args) {
    return guarded(args.Env(), [&] {
      const Options options(args[0]);
      const std::string kind = options.text("kind");
      uint32_t id = 0;
      if (kind == "pages") {
        PageTransfer transfer = read_transfer(options);
        id = open_engine().transfer(std::move(transfer));
      } else {
        Request request = read_request(options, kind);
        id = open_engine().submit(std::move(request));
      }
      running_.began(id);
      keep_alive(args.Env());
      return Napi::Number::New(args.Env(), id);
    });
  }

  void cancel(const Napi::CallbackInfo& args) {
    const uint32_t request = args[0].ToNumber();
    if (engine_) engine_->cancel(request);
  }
  void consumed(const Napi::CallbackInfo& args) {
    const uint32_t request = args[0].ToNumber();
    const int32_t tokens = args[1].ToNumber();
    if (!engine_) return;
    engine_->consumed(request, tokens);
    running_.given(request, -tokens);
    keep_alive(args.Env());
  }

  Napi::Value stats(const Napi::CallbackInfo& args) {
    return guarded(args.Env(), [&] {
      const Engine& engine = open_engine();
      const Engine::Stats stats = engine.stats();
      const Decoder& decoder = engine.decoder();
      const int64_t kv_bytes = decoder.kv_shape().layer_bytes() * 2 * decoder.config().layers;
      const auto weight_bytes = decoder.weights().bytes();
      const auto workspace_bytes = decoder.workspace_bytes();
      Napi::Object object = Napi::Object::New(args.Env());
      put(object, "active", stats.active);
      put(object, "queued", stats.queued);
      put(object, "pages", static_cast<double>(stats.pages));
      put(object, "pagesInUse", static_cast<double>(stats.pages_in_use));
      put(object, "pagesCached", static_cast<double>(stats.pages_cached));
      put(object, "kvBytes", static_cast<double>(kv_bytes));
      put(object, "weightBytes", static_cast<double>(weight_bytes));
      put(object, "workspaceBytes", static_cast<double>(workspace_bytes));
      return object;
    });
  }

  Napi::Value info(const Napi::CallbackInfo& args) {
    return guarded(args.Env(), [&] {
      const Engine& engine = open_engine();
      const DeviceDescription device = engine.device().describe();
      const int context_length = engine.context_length();
      const std::string kv_dtype(name_of(engine.decoder().kv_shape().dtype));
      const auto page_bytes = engine.decoder().page_bytes();
      const auto bytes_per_token = engine.decoder().weights().bytes_per_token();
      Napi::Object object = Napi::Object::New(args.Env());
      put(object, "device", device.kind);
      put(object, "isa", device.isa);
      put(object, "threads", device.threads);
      put(object, "contextLength", context_length);
      put(object, "kvDtype", kv_dtype);
      put(object, "pageBytes", static_cast<double>(page_bytes));
      put(object, "bytesPerToken", static_cast<double>(bytes_per_token));
      return object;
    });
  }

  // Ends all requests, whose last rows are delivered first, and frees the memory on another thread, since
  // that may take a while.
  Napi::Value close(const Napi::CallbackInfo& args) {
    Napi::Env env = args.Env();
    if (!engine_) return to_array(env, to_js(env, Rows{}));
    engine_->close();
    const std::vector<napi_value> rows = drain(env);  // which may run JavaScript, which may close this model
    shut_down(env);
    return to_array(env, rows);
  }

  static Napi::Array to_array(Napi::Env env, const std::vector<napi_value>& values) {
    Napi::Array array = Napi::Array::New(env);
    for (uint32_t i = 0; i < values.size(); ++i) put(array, i, values[i]);
    return array;
  }

  Engine& open_engine() const {
    if (!engine_) throw Error("closed", "the model is closed");
    return *engine_;
  }

  // The process lives as long as a request goes on.
  void keep_alive(Napi::Env env) {
    if (is_kept_alive_ == running_.any_awake()) return;
    is_kept_alive_ = !is_kept_alive_;
    if (is_kept_alive_)
      wake_.ref(env);
    else
      wake_.unref(env);
  }

  static void end(void* self) {
    auto* const model = static_cast<ModelBinding*>(self);
    model->engine_.reset();
  }

  void shut_down(Napi::Env env) {
    if (!engine_) return;
    napi_remove_env_cleanup_hook(env, &ModelBinding::end, this);
    engine_->close();
    std::thread([engine = std::move(engine_)] {}).detach();
    wake_.release();
  }

  std::unique_ptr<Engine> engine_;
  Wakeup wake_;
  std::shared_ptr<ModelBinding*> self_;
  RunningRequests running_;
  bool is_kept_alive_ = false;
};

struct AddonData {
  Napi::FunctionReference model_class;
};

// One call of loadModel, as the loading thread sees it.
struct LoadJob {
  ModelPlan plan;
  DeviceOptions device;
  LoadOptions options;
  Wakeup wake;  // for the engine: it has rows

  std::atomic<bool> abort{false};
  std::atomic<uint64_t> done{0}, total{0};

  std::atomic<bool> finished{false};  // what is below is final
  std::unique_ptr<Engine> engine;     // null: it failed
  Failure failure;
};

// The same as JavaScript sees it: references, which the JavaScript thread alone may make and drop.
struct LoadCall {
  std::shared_ptr<LoadJob> job;
  Napi::Promise::Deferred deferred;
  Napi::FunctionReference on_progress;
  std::shared_ptr<ModelBinding*> model;  // where the engine's wake-ups look for the model
  bool settled = false;
};

// Lies where the news of a load go to. When it goes, because the load is over or the environment has ended,
// nobody waits for the load any more.
struct AbortWhenDropped {
  explicit AbortWhenDropped(std::shared_ptr<LoadJob> of) : job(std::move(of)) {}
  ~AbortWhenDropped() { job->abort = true; }
  AbortWhenDropped(const AbortWhenDropped&) = delete;
  AbortWhenDropped& operator=(const AbortWhenDropped&) = delete;
  const std::shared_ptr<LoadJob> job;
};

void run(LoadJob& job, const Wakeup& news) {
  const DecoderWeights::Progress progress{[&](uint64_t done, uint64_t total) {
                                            job.total = total;
                                            job.done = done;
                                            news.call();
                                          },
                                          &job.abort};
  try {
    job.engine = load_engine(job.plan, create_device(job.device), job.options, progress,
                             [wake = job.wake] { wake.call(); });
  } catch (...) {
    job.failure = current_failure();
  }
  job.finished = true;
}

// Tells JavaScript what is new of a load: how far it is, or its end.
void report(Napi::Env env, LoadCall& call) {
  LoadJob& job = *call.job;
  if (call.settled) return;
  const auto tell_progress = [&] {
    if (call.on_progress.IsEmpty()) return;
    call.on_progress.Call({Napi::Number::New(env, static_cast<double>(job.done)),
                           Napi::Number::New(env, static_cast<double>(job.total))});
  };
  if (!job.finished) return tell_progress();
  call.settled = true;
  if (job.engine) {
    const Napi::Object object = env.GetInstanceData<AddonData>()->model_class.New({});
    Napi::ObjectWrap<ModelBinding>::Unwrap(object)->adopt(env, std::move(job.engine), job.wake, call.model);
    call.deferred.Resolve(object);
    tell_progress();  // the last report may have been overtaken by the end
  } else {
    job.wake.release();
    call.deferred.Reject(to_js_error(env, job.failure).Value());
  }
}

// What the engine calls when it has rows: JavaScript takes all that have arrived.
Wakeup make_wake(Napi::Env env, const std::shared_ptr<ModelBinding*>& model, const Napi::Function& on_rows) {
  const auto callback = std::make_shared<Napi::FunctionReference>(Napi::Persistent(on_rows));
  Wakeup wake(env, "quern rows", [model, callback](Napi::Env call_env) {
    if (*model != nullptr) callback->Call((*model)->drain(call_env));
  });
  wake.unref(env);
  return wake;
}

void read_load_options(const Options& options, LoadJob& job) {
  const std::string dtype = options.text("dtype");
  if (dtype != "auto")
    job.options.dtype = dtype == "f32" ? Dtype::f32 : dtype == "f16" ? Dtype::f16 : Dtype::bf16;
  job.options.exact = options.flag("exact");
  job.device.threads = options.integer<int>("threads");
  job.device.isa = options.text("isa");
  job.device.library = options.text("deviceLibrary");
  job.options.context_length = options.integer<int>("contextLength");
  job.options.kv_bytes = options.integer<uint64_t>("kvBytes");
  job.options.step_rows = options.integer<int>("stepRows");
  job.options.queue = options.integer<int>("maxQueue");
}

// loadModel(plan: string, options: NativeLoadOptions): NativeLoad
Napi::Value load_model(const Napi::CallbackInfo& args) {
  Napi::Env env = args.Env();
  return guarded(env, [&]() -> Napi::Value {
    const auto job = std::make_shared<LoadJob>();
    const Options options(args[1]);
    job->plan = parse_plan(args[0].ToString().Utf8Value());
    read_load_options(options, *job);
    const Napi::Function on_rows = options.function("onRows");
    const Napi::Value on_progress = options.get("onProgress");
    const auto call = std::make_shared<LoadCall>(
        LoadCall{job, Napi::Promise::Deferred::New(env), {}, std::make_shared<ModelBinding*>(nullptr)});
    if (on_progress.IsFunction()) call->on_progress = Napi::Persistent(on_progress.As<Napi::Function>());
    job->wake = make_wake(env, call->model, on_rows);
    const auto listener = std::make_shared<AbortWhenDropped>(job);
    const Wakeup news(env, "quern load", [call, listener](Napi::Env call_env) { report(call_env, *call); });

    Napi::Object result = Napi::Object::New(env);
    put(result, "promise", call->deferred.Promise());
    put(result, "abort", Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->abort = true; }));
    std::thread([job, news] {
      run(*job, news);
      news.call();
      news.release();
    }).detach();
    return result;
  });
}

}  // namespace

void export_model(Napi::Env env, Napi::Object exports) {
  auto* const data = new AddonData;
  data->model_class = Napi::Persistent(ModelBinding::define(env));
  env.SetInstanceData(data);
  exports.Set("loadModel", Napi::Function::New(env, load_model, "loadModel"));
}

}  // namespace quern
