#include "emulator/runtime_stream.h"

#include <algorithm>

#include "emulator/asked.h"
#include "emulator/counters.h"

using namespace quern::emulator;

namespace quern::emulator {
namespace {

void step(Runtime& runtime, CUstream_st* stream) {
  const Operation operation = std::move(stream->waiting.front());
  stream->waiting.pop_front();
  if (const auto* wait = std::get_if<Wait>(&operation.what)) {
    const std::shared_ptr<Recording> recording = wait->recording;
    while (!recording->is_done && !recording->stream->waiting.empty()) step(runtime, recording->stream);
  }
  perform(runtime, stream->device, operation, stream->chain);
}

// `later` goes on when all of `earlier` is done.
void order_after(CUstream_st* earlier, CUstream_st* later) {
  if (earlier == later || earlier->waiting.empty()) return;
  const auto recording = std::make_shared<Recording>(Recording{earlier});
  earlier->waiting.push_back({Record{recording}});
  later->waiting.push_back({Wait{recording}});
}

// The default stream and the blocking ones wait for each other.
void order_with_default(Runtime& runtime, CUstream_st* stream) {
  if (stream->is_default) {
    for (CUstream_st* other : runtime.streams) {
      if (other->is_blocking && other->device == stream->device) order_after(other, stream);
    }
  } else if (stream->is_blocking) {
    order_after(runtime.devices[size_t(stream->device)].default_stream, stream);
  }
}

bool is_capture_ordered_with_default(Runtime& runtime, const Capture* capture, int device) {
  return std::any_of(runtime.streams.begin(), runtime.streams.end(), [&](const CUstream_st* stream) {
    return stream->capture.get() == capture && stream->is_blocking && stream->device == device;
  });
}

}  // namespace

cudaError_t enqueue(Runtime& runtime, CUstream_st* stream, Operation operation) {
  if (stream->is_default) {
    for (const auto& capture : runtime.captures) {
      if (!is_capture_ordered_with_default(runtime, capture.get(), stream->device)) continue;
      capture->is_broken = true;
      return cudaErrorStreamCaptureImplicit;
    }
  }
  if (stream->capture) {
    if (stream->capture->is_broken) return cudaErrorStreamCaptureInvalidated;
    if (asked_of_graphs() == "refused") {
      stream->capture->is_broken = true;
      return cudaErrorStreamCaptureUnsupported;
    }
    GraphNodes& nodes = stream->capture->nodes;
    nodes.operations.push_back(std::move(operation));
    nodes.after.push_back(std::move(stream->after));
    stream->after = {nodes.operations.size() - 1};
    return cudaSuccess;
  }
  if (!runtime.is_late) {
    perform(runtime, stream->device, operation, stream->chain);
    return cudaSuccess;
  }
  order_with_default(runtime, stream);
  stream->waiting.push_back(std::move(operation));
  return cudaSuccess;
}

cudaError_t drain(Runtime& runtime, CUstream_st* stream) {
  if (stream->capture) {
    stream->capture->is_broken = true;
    return cudaErrorStreamCaptureUnsupported;
  }
  order_with_default(runtime, stream);
  while (!stream->waiting.empty()) step(runtime, stream);
  stream->chain = {};
  return runtime.devices[size_t(stream->device)].fault;
}

cudaError_t drain_device(Runtime& runtime, int device) {
  for (CUstream_st* stream : runtime.streams) {
    if (stream->device != device) continue;
    const cudaError_t error = drain(runtime, stream);
    if (error != cudaSuccess) return error;
  }
  return drain(runtime, runtime.devices[size_t(device)].default_stream);
}

}  // namespace quern::emulator

namespace {

template <typename Body>
cudaError_t with_stream(cudaStream_t handle, Body body) {
  return api_call([&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    return stream ? body(runtime, stream) : cudaErrorInvalidResourceHandle;
  });
}

}  // namespace

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, 0);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return api_call([&](Runtime& runtime) {
    *stream =
        new CUstream_st{.device = Runtime::current_device(), .is_blocking = !(flags & cudaStreamNonBlocking)};
    runtime.streams.insert(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return with_stream(handle, [](Runtime& runtime, CUstream_st* stream) {
    if (stream->is_default) return cudaErrorInvalidResourceHandle;
    const cudaError_t error = drain(runtime, stream);
    runtime.streams.erase(stream);
    delete stream;
    return error;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return with_stream(handle, [](Runtime& runtime, CUstream_st* stream) {
    ++counted().waits;
    return drain(runtime, stream);
  });
}

// Late: each question does one operation more, so that who polls comes to an end.
cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return with_stream(handle, [](Runtime& runtime, CUstream_st* stream) {
    if (stream->capture) {
      stream->capture->is_broken = true;
      return cudaErrorStreamCaptureUnsupported;
    }
    if (stream->waiting.empty()) return cudaSuccess;
    step(runtime, stream);
    const cudaError_t fault = runtime.devices[size_t(stream->device)].fault;
    return fault == cudaSuccess ? cudaErrorNotReady : fault;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  return with_stream(handle, [&](Runtime& runtime, CUstream_st* stream) {
    if (!runtime.events.contains(event)) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Recording> newest = event->newest;
    if (!newest) return cudaSuccess;
    if (!newest->capture) {
      if (stream->capture) {
        stream->capture->is_broken = true;
        return cudaErrorStreamCaptureIsolation;
      }
      return enqueue(runtime, stream, {Wait{newest}});
    }
    if (newest->capture->origin == nullptr) return cudaErrorCapturedEvent;
    if (stream->is_default) return cudaErrorStreamCaptureImplicit;
    if (stream->capture && stream->capture != newest->capture) return cudaErrorStreamCaptureMerge;
    stream->capture = newest->capture;
    stream->after.insert(stream->after.end(), newest->after.begin(), newest->after.end());
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* data) {
  return with_stream(handle, [&](Runtime& runtime, CUstream_st* stream) {
    return enqueue(runtime, stream, {HostCall{function, data}});
  });
}

// ---- events

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return api_call([&](Runtime& runtime) {
    *event =
        new CUevent_st{.device = Runtime::current_device(), .is_timed = !(flags & cudaEventDisableTiming)};
    runtime.events.insert(*event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return api_call([&](Runtime& runtime) {
    if (runtime.events.erase(event) == 0) return cudaErrorInvalidResourceHandle;
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return with_stream(handle, [&](Runtime& runtime, CUstream_st* stream) {
    if (!runtime.events.contains(event) || event->device != stream->device)
      return cudaErrorInvalidResourceHandle;
    event->newest = std::make_shared<Recording>(Recording{stream});
    if (!stream->capture) return enqueue(runtime, stream, {Record{event->newest}});
    event->newest->capture = stream->capture;
    event->newest->after = stream->after;
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return api_call([&](Runtime& runtime) {
    if (!runtime.events.contains(event)) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Recording> newest = event->newest;
    if (!newest) return cudaSuccess;
    if (newest->capture) return cudaErrorCapturedEvent;
    if (newest->is_done) return runtime.devices[size_t(event->device)].fault;
    step(runtime, newest->stream);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return api_call([&](Runtime& runtime) {
    if (!runtime.events.contains(event)) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Recording> newest = event->newest;
    if (!newest) return cudaSuccess;
    if (newest->capture) return cudaErrorCapturedEvent;
    ++counted().waits;
    while (!newest->is_done && !newest->stream->waiting.empty()) step(runtime, newest->stream);
    return runtime.devices[size_t(event->device)].fault;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  return api_call([&](Runtime& runtime) {
    for (cudaEvent_t event : {from, to}) {
      if (!runtime.events.contains(event) || !event->is_timed || !event->newest) {
        return cudaErrorInvalidResourceHandle;
      }
      if (!event->newest->is_done) return cudaErrorNotReady;
    }
    using Milliseconds = std::chrono::duration<float, std::milli>;
    *milliseconds = Milliseconds(to->newest->time - from->newest->time).count();
    return cudaSuccess;
  });
}

}  // extern "C"
