#include "binding/model_binding.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "backend/devices.h"
#include "binding/errors.h"
#include "binding/own_members.h"
#include "binding/read_task.h"
#include "binding/reader.h"
#include "binding/rows.h"
#include "binding/running_requests.h"
#include "binding/wakeup.h"
#include "binding/writer.h"
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
    shut_down(Env(), [] {});
    if (self_) *self_ = nullptr;
  }

  // Gives what has arrived to JavaScript. On the JavaScript thread.
  std::vector<napi_value> drain(Napi::Env env) { return drain(env, columns_); }

 private:
  std::vector<napi_value> drain(Napi::Env env, Columns& columns) {
    Rows rows = engine_ ? engine_->take() : Rows{};
    for (const uint32_t request : rows.requests) running_.given(request, 1);
    for (const Answer& answer : rows.answers)
      if (answer.is_last()) running_.ended(answer.request);
    keep_alive(env);
    return to_js(env, std::move(rows), columns);
  }

  // Reading a task may run JavaScript, which may close this model: the engine is looked for afterwards.
  Napi::Value submit(const Napi::CallbackInfo& args) {
    return guarded(args.Env(), [&] {
      auto task = read_task(args[0]);
      Engine& engine = open_engine();
      auto* const pages = std::get_if<PageTransfer>(&task);
      const uint32_t id =
          pages ? engine.transfer(std::move(*pages)) : engine.submit(std::move(std::get<Request>(task)));
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
      const int64_t kv_bytes = decoder.state_shape().kv.pages * decoder.page_bytes();
      const auto weight_bytes = decoder.weights().bytes();
      const auto workspace_bytes = decoder.workspace_bytes();
      const Writer object(args.Env(), "NativeStats");
      object.number("active", stats.active);
      object.number("queued", stats.queued);
      object.number("pages", stats.pages);
      object.number("pagesInUse", stats.pages_in_use);
      object.number("pagesCached", stats.pages_cached);
      object.number("kvBytes", kv_bytes);
      object.number("weightBytes", weight_bytes);
      object.number("workspaceBytes", workspace_bytes);
      return object.written();
    });
  }

  Napi::Value info(const Napi::CallbackInfo& args) {
    return guarded(args.Env(), [&] {
      const Engine& engine = open_engine();
      const DeviceDescription device = engine.device().describe();
      const int context_length = engine.context_length(), longest = engine.longest();
      const int64_t capacity = engine.capacity();
      const std::string kv_dtype(name_of(engine.decoder().state_shape().kv.dtype));
      const auto page_bytes = engine.decoder().page_bytes();
      const auto kv_groups = engine.decoder().state_shape().groups.size();
      const auto bytes_per_token = engine.decoder().weights().bytes_per_token();
      const Writer object(args.Env(), "NativeModelInfo");
      object.text("device", device.kind);
      object.text("deviceName", device.name);
      object.text("isa", device.isa);
      object.number("threads", device.threads);
      object.number("contextLength", context_length);
      object.number("longestSequence", longest);
      object.number("capacity", capacity);
      object.text("kvDtype", kv_dtype);
      object.number("pageBytes", page_bytes);
      object.number("kvGroups", kv_groups);
      object.number("bytesPerToken", bytes_per_token);
      return object.written();
    });
  }

  // Ends all requests, whose last rows are delivered first, and frees the memory on another thread, since
  // that may take a while: `freed` says when it is done.
  Napi::Value close(const Napi::CallbackInfo& args) {
    Napi::Env env = args.Env();
    Columns columns;  // not those that rows which are being read may be in
    if (engine_) engine_->close();
    // Which may run JavaScript, which may close this model.
    const auto rows = engine_ ? drain(env, columns) : to_js(env, Rows{}, columns);
    const auto deferred = Napi::Promise::Deferred::New(env);
    const Wakeup freed(env, "quern close",
                       [deferred](Napi::Env call_env) { deferred.Resolve(call_env.Undefined()); });
    shut_down(env, [freed] {
      freed.call();
      freed.release();
    });
    const Writer closing(env, "NativeClosing");
    closing.object("rows", to_array(env, rows));
    closing.promise("freed", deferred.Promise());
    return closing.written();
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

  // Calls `freed` when the memory is given back, on another thread.
  void shut_down(Napi::Env env, std::function<void()> freed) {
    if (!engine_) return freed();
    napi_remove_env_cleanup_hook(env, &ModelBinding::end, this);
    engine_->close();
    std::thread([engine = std::move(engine_), freed = std::move(freed)]() mutable {
      engine.reset();
      freed();
    }).detach();
    wake_.release();
  }

  std::unique_ptr<Engine> engine_;
  Wakeup wake_;
  std::shared_ptr<ModelBinding*> self_;
  RunningRequests running_;
  Columns columns_;
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

// Gives what JavaScript wants to be told: rows, and how far the load is.
struct LoadListeners {
  Napi::Function on_rows;
  Napi::Function on_progress;  // empty: nobody asks
};

LoadListeners read_load_options(const Napi::Value& object, LoadJob& job) {
  const Reader options(object, "NativeLoadOptions");
  const std::string dtype = options.text("dtype");
  const auto weights = weight_choice(dtype);
  if (!weights) options.fail("dtype", "auto or the name of one, got " + dtype);
  job.options.weights = *weights;
  job.options.weights.exact = options.flag("exact");
  job.device.threads = options.integer<int>("threads");
  job.device.isa = options.text("isa");
  job.device.library = options.text("deviceLibrary");
  job.device.index = options.integer<int>("deviceIndex");
  job.options.context_length = options.integer<int>("contextLength");
  job.options.streaming = {options.integer<int>("sinks"), options.integer<int>("window")};
  job.options.kv_bytes = options.integer<uint64_t>("kvBytes");
  job.options.step_rows = options.integer<int>("stepRows");
  job.options.queue = options.integer<int>("maxQueue");
  return {options.function("onRows"), options.optional_function("onProgress")};
}

// loadModel(plan: string, options: NativeLoadOptions): NativeLoad
Napi::Value load_model(const Napi::CallbackInfo& args) {
  Napi::Env env = args.Env();
  return guarded(env, [&]() -> Napi::Value {
    const auto job = std::make_shared<LoadJob>();
    job->plan = parse_plan(args[0].ToString().Utf8Value());
    const auto [on_rows, on_progress] = read_load_options(args[1], *job);
    const auto call = std::make_shared<LoadCall>(
        LoadCall{job, Napi::Promise::Deferred::New(env), {}, std::make_shared<ModelBinding*>(nullptr)});
    if (!on_progress.IsEmpty()) call->on_progress = Napi::Persistent(on_progress);
    job->wake = make_wake(env, call->model, on_rows);
    const auto listener = std::make_shared<AbortWhenDropped>(job);
    const Wakeup news(env, "quern load", [call, listener](Napi::Env call_env) { report(call_env, *call); });

    const Writer load(env, "NativeLoad");
    load.promise("promise", call->deferred.Promise());
    load.function("abort", Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->abort = true; }));
    std::thread([job, news] {
      run(*job, news);
      news.call();
      news.release();
    }).detach();
    return load.written();
  });
}

// loadedBytes(plan: string, dtype: string): number
Napi::Value loaded_bytes_of(const Napi::CallbackInfo& args) {
  Napi::Env env = args.Env();
  return guarded(env, [&]() -> Napi::Value {
    const std::string dtype = args[1].ToString().Utf8Value();
    const auto weights = weight_choice(dtype);
    if (!weights) throw Error("internal", "loadedBytes: expected a dtype, got " + dtype);
    const uint64_t bytes =
        loaded_bytes(parse_plan(args[0].ToString().Utf8Value()), *weights, cpu_weight_bytes);
    return Napi::Number::New(env, static_cast<double>(bytes));
  });
}

}  // namespace

void export_model(Napi::Env env, Napi::Object exports) {
  auto* const data = new AddonData;
  data->model_class = Napi::Persistent(ModelBinding::define(env));
  env.SetInstanceData(data);
  exports.Set("loadedBytes", Napi::Function::New(env, loaded_bytes_of, "loadedBytes"));
  exports.Set("loadModel", Napi::Function::New(env, load_model, "loadModel"));
}

}  // namespace quern
