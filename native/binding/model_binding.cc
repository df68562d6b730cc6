#include "binding/model_binding.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "backend/cpu/cpu_backend.h"
#include "binding/errors.h"
#include "binding/options.h"
#include "binding/rows.h"
#include "binding/tokenizer_binding.h"
#include "engine/load_engine.h"

namespace quern {

namespace {

// A model as JavaScript holds it. Rows reach JavaScript through `wake_`, a thread-safe function that keeps
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
  void adopt(Napi::Env env, std::unique_ptr<Engine> engine, Napi::ThreadSafeFunction wake,
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
  Napi::Array drain(Napi::Env env) {
    const std::vector<StepRow> rows = engine_ ? engine_->take() : std::vector<StepRow>{};
    for (const StepRow& row : rows) {
      if (row.finish != Finish::running) request_ended(env);
    }
    return to_js(env, rows);
  }

 private:
  Napi::Value submit(const Napi::CallbackInfo& args) {
    return guarded(args.Env(), [&] {
      Engine& engine = open_engine();
      const Options options(args[0]);
      Request request;
      request.prompt = options.ids("prompt");
      request.max_tokens = options.integer<int32_t>("maxTokens");
      request.temperature = options.real("temperature");
      request.top_k = options.integer<int32_t>("topK");
      request.top_p = options.real("topP");
      request.min_p = options.real("minP");
      request.seed = static_cast<uint64_t>(options.number("seed"));
      request.stop_tokens = options.ids("stopTokens");
      if (!options.get("tokenizer").IsUndefined())
        request.tokenizer = unwrap_tokenizer(options.get("tokenizer"));
      const std::string logits = options.text("logits");
      request.logits = logits == "all"    ? Request::Logits::all
                       : logits == "last" ? Request::Logits::last
                                          : Request::Logits::none;
      const uint32_t id = engine.submit(std::move(request));
      if (++running_ == 1) wake_.Ref(args.Env());
      return Napi::Number::New(args.Env(), id);
    });
  }

  void cancel(const Napi::CallbackInfo& args) {
    if (engine_) engine_->cancel(args[0].ToNumber());
  }
  void consumed(const Napi::CallbackInfo& args) {
    if (engine_) engine_->consumed(args[0].ToNumber(), args[1].ToNumber());
  }

  Napi::Value stats(const Napi::CallbackInfo& args) {
    return guarded(args.Env(), [&] {
      const Engine& engine = open_engine();
      const Engine::Stats stats = engine.stats();
      const KvShape& kv = engine.decoder().kv_shape();
      Napi::Object object = Napi::Object::New(args.Env());
      object.Set("active", stats.active);
      object.Set("queued", stats.queued);
      object.Set("pages", static_cast<double>(stats.pages));
      object.Set("pagesInUse", static_cast<double>(stats.pages_in_use));
      object.Set("kvBytes", static_cast<double>(kv.layer_bytes() * 2 * engine.decoder().config().layers));
      object.Set("weightBytes", static_cast<double>(engine.decoder().weights().bytes()));
      object.Set("workspaceBytes", static_cast<double>(engine.decoder().workspace_bytes()));
      return object;
    });
  }

  Napi::Value info(const Napi::CallbackInfo& args) {
    return guarded(args.Env(), [&] {
      const Engine& engine = open_engine();
      Napi::Object object = Napi::Object::New(args.Env());
      object.Set("isa", engine.backend().isa());
      object.Set("threads", engine.backend().threads());
      object.Set("contextLength", engine.context_length());
      object.Set("kvDtype", std::string(name_of(engine.decoder().kv_shape().dtype)));
      object.Set("bytesPerToken", static_cast<double>(engine.decoder().weights().bytes_per_token()));
      return object;
    });
  }

  // Ends all requests, whose last rows are delivered first, and frees the memory on another thread, since
  // that may take a while.
  Napi::Value close(const Napi::CallbackInfo& args) {
    Napi::Env env = args.Env();
    if (!engine_) return Napi::Array::New(env);
    engine_->close();
    Napi::Array rows = drain(env);
    shut_down(env);
    return rows;
  }

  Engine& open_engine() const {
    if (!engine_) throw Error("closed", "the model is closed");
    return *engine_;
  }

  void request_ended(Napi::Env env) {
    if (--running_ == 0) wake_.Unref(env);
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
    wake_.Release();
  }

  std::unique_ptr<Engine> engine_;
  Napi::ThreadSafeFunction wake_;
  std::shared_ptr<ModelBinding*> self_;
  int running_ = 0;  // requests whose last row JavaScript has not seen
};

struct AddonData {
  Napi::FunctionReference model_class;
};

// One call of loadModel. The loading thread works on it; only the JavaScript thread makes and deletes it,
// since it holds references.
struct Loading {
  explicit Loading(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}

  ModelPlan plan;
  CpuOptions cpu;
  LoadOptions options;
  std::shared_ptr<std::atomic<bool>> abort = std::make_shared<std::atomic<bool>>(false);
  std::atomic<uint64_t> done{0}, total{0};
  std::atomic<bool> progress_pending{false};

  Napi::Promise::Deferred deferred;
  Napi::FunctionReference on_progress;
  Napi::ThreadSafeFunction settle;  // progress, then the end, on the JavaScript thread
  Napi::ThreadSafeFunction wake;    // from then on: the engine has rows
  std::shared_ptr<ModelBinding*> model = std::make_shared<ModelBinding*>(nullptr);

  std::unique_ptr<Engine> engine;
  std::string error_code, error_message;
};

void report_progress(Loading& loading, uint64_t done, uint64_t total) {
  loading.done = done;
  loading.total = total;
  if (loading.on_progress.IsEmpty() || loading.progress_pending.exchange(true)) return;
  loading.settle.NonBlockingCall([&loading](Napi::Env env, Napi::Function) {
    loading.progress_pending = false;
    loading.on_progress.Call({Napi::Number::New(env, static_cast<double>(loading.done)),
                              Napi::Number::New(env, static_cast<double>(loading.total))});
  });
}

void load_in_background(Loading& loading) {
  const DecoderWeights::Progress progress{
      [&](uint64_t done, uint64_t total) { report_progress(loading, done, total); }, loading.abort.get()};
  try {
    loading.engine = load_engine(loading.plan, create_cpu_backend(loading.cpu), loading.options, progress,
                                 [wake = loading.wake] { wake.NonBlockingCall(); });
  } catch (const Error& error) {
    loading.error_code = error.code();
    loading.error_message = error.what();
  } catch (const std::bad_alloc&) {
    loading.error_code = "out_of_memory";
    loading.error_message = "not enough memory to load the model";
  } catch (const std::exception& error) {
    loading.error_code = "internal";
    loading.error_message = error.what();
  }
}

void finish_loading(Napi::Env env, const std::unique_ptr<Loading> loading) {
  if (!loading->engine) {
    loading->wake.Release();
    loading->deferred.Reject(to_js_error(env, loading->error_code, loading->error_message).Value());
    return;
  }
  const Napi::Object object = env.GetInstanceData<AddonData>()->model_class.New({});
  Napi::ObjectWrap<ModelBinding>::Unwrap(object)->adopt(env, std::move(loading->engine), loading->wake,
                                                        loading->model);
  loading->deferred.Resolve(object);
}

// The function that wakes JavaScript up: it hands over all rows that have arrived.
Napi::ThreadSafeFunction make_wake(Napi::Env env, const std::shared_ptr<ModelBinding*>& model,
                                   const Napi::Function& on_rows) {
  const auto callback = std::make_shared<Napi::FunctionReference>(Napi::Persistent(on_rows));
  const auto deliver = Napi::Function::New(env, [model, callback](const Napi::CallbackInfo& info) {
    if (*model != nullptr) callback->Call({(*model)->drain(info.Env())});
  });
  auto wake = Napi::ThreadSafeFunction::New(env, deliver, "quern rows", 0, 1);
  wake.Unref(env);
  return wake;
}

// loadModel(plan: string, options: NativeLoadOptions): NativeLoad
Napi::Value load_model(const Napi::CallbackInfo& args) {
  Napi::Env env = args.Env();
  return guarded(env, [&]() -> Napi::Value {
    auto loading = std::make_unique<Loading>(env);
    const Options options(args[1]);
    loading->plan = parse_plan(args[0].ToString().Utf8Value());
    const std::string dtype = options.text("dtype");
    if (dtype != "auto")
      loading->options.dtype = dtype == "f32" ? Dtype::f32 : dtype == "f16" ? Dtype::f16 : Dtype::bf16;
    loading->options.exact = options.flag("exact");
    loading->cpu.threads = options.integer<int>("threads");
    loading->cpu.isa = options.text("isa");
    loading->options.context_length = options.integer<int>("contextLength");
    loading->options.kv_bytes = static_cast<uint64_t>(options.number("kvBytes"));
    loading->options.step_rows = options.integer<int>("stepRows");
    if (!options.get("onRows").IsFunction())
      throw Error("internal", "native options: expected a function: onRows");
    if (options.get("onProgress").IsFunction())
      loading->on_progress = Napi::Persistent(options.get("onProgress").As<Napi::Function>());
    loading->wake = make_wake(env, loading->model, options.get("onRows").As<Napi::Function>());
    loading->settle = Napi::ThreadSafeFunction::New(
        env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "quern load", 0, 1);

    Napi::Object result = Napi::Object::New(env);
    result.Set("promise", loading->deferred.Promise());
    result.Set("abort", Napi::Function::New(
                            env, [abort = loading->abort](const Napi::CallbackInfo&) { *abort = true; }));
    std::thread([loading = loading.release()] {
      load_in_background(*loading);
      Napi::ThreadSafeFunction settle = loading->settle;
      settle.BlockingCall([loading](Napi::Env callback_env, Napi::Function) {
        finish_loading(callback_env, std::unique_ptr<Loading>(loading));
      });
      settle.Release();
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
