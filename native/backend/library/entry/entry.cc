#include "backend/library/entry/entry.h"

#include "backend/library/entry/entry_stream.h"
#include "backend/library/entry/gate.h"
#include "backend/library/wire.h"

namespace quern {

namespace {

// Of the devices that this library has, and the process that uses them. Several threads may open the library.
std::atomic<const LibraryDevices*> the_devices = nullptr;
std::atomic<const QuernHost*> the_host = nullptr;

Device& of(QuernDevice* device) {
  return *reinterpret_cast<Device*>(device);
}
const Device& of(const QuernDevice* device) {
  return *reinterpret_cast<const Device*>(device);
}

QuernStatus probe(QuernProbe* into, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    wire::put_probe(*into, the_devices.load()->probe());
    gate::watch_exit();
  });
}

QuernStatus free_memory(int32_t index, uint64_t* bytes, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    *bytes = the_devices.load()->free_memory(index);
    gate::watch_exit();
  });
}

QuernStatus create_device(const QuernDeviceOptions* options, QuernDevice** device, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    auto created = the_devices.load()->create(options->index, options->threads, options->isa);
    *device = reinterpret_cast<QuernDevice*>(created.release());
    gate::watch_exit();
  });
}

void destroy_device(QuernDevice* device) {
  gate::give_back(reinterpret_cast<Device*>(device));
}

QuernStatus describe(const QuernDevice* device, QuernDescription* into, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    const DeviceDescription description = of(device).describe();
    wire::put_text(into->kind, description.kind);
    wire::put_text(into->isa, description.isa);
    wire::put_text(into->name, description.name);
    into->threads = description.threads;
    into->activations = wire::dtype(of(device).activation_dtype(false));
    into->exact_activations = wire::dtype(of(device).activation_dtype(true));
    into->keys_and_values = wire::dtype(of(device).kv_dtype(false));
    into->exact_keys_and_values = wire::dtype(of(device).kv_dtype(true));
  });
}

QuernStatus kv_budget(const QuernDevice* device, QuernKvBudget* into, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    const KvBudget budget = of(device).kv_budget();
    *into = {budget.bytes, budget.contexts};
  });
}

QuernStatus samples(const QuernDevice* device, const QuernSampling* options, int32_t* does,
                    QuernFailure* failure) {
  return gate::pass(failure, [&] { *does = of(device).samples(sampling_options(*options)); });
}

QuernStatus create_weight(QuernDevice* device, const QuernWeightView* view, QuernWeight** weight,
                          uint64_t* bytes, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    const Format* const format = find_format(view->format);
    if (!format) {
      throw Error("device_mismatch",
                  "the device library: it knows no format '" + std::string(view->format) + "'");
    }
    const auto read = [view](int64_t first, int64_t count, std::byte* into) {
      wire::checked([&](QuernFailure* why) { return view->read(view->context, first, count, into, why); });
    };
    auto prepared = of(device).prepare_weight(
        {format, view->rows, view->cols, view->is_vector != 0, view->exact != 0, read});
    *bytes = prepared->bytes();
    *weight = reinterpret_cast<QuernWeight*>(prepared.release());
  });
}

void destroy_weight(QuernWeight* weight) {
  gate::give_back(reinterpret_cast<Weight*>(weight));
}

QuernStatus create_memory(QuernDevice* device, size_t bytes, QuernMemory** memory, void** address,
                          QuernFailure* failure) {
  return gate::pass(failure, [&] {
    auto allocated = of(device).allocate(bytes);
    *address = allocated->address();
    *memory = reinterpret_cast<QuernMemory*>(allocated.release());
  });
}

void destroy_memory(QuernMemory* memory) {
  gate::give_back(reinterpret_cast<Memory*>(memory));
}

QuernStatus create_stream(QuernDevice* device, const QuernStreamLimits* limits, QuernStream** stream,
                          int32_t* depth, QuernFailure* failure) {
  return gate::pass(failure, [&] {
    auto entry = std::make_unique<EntryStream>(of(device).create_stream(
        {limits->rows, limits->logits_rows, limits->hidden, limits->heads, limits->kv_heads, limits->head_dim,
         limits->ffn, limits->vocab, limits->context}));
    *depth = entry->stream->depth();
    *stream = reinterpret_cast<QuernStream*>(entry.release());
  });
}

void destroy_stream(QuernStream* stream) {
  gate::give_back(reinterpret_cast<EntryStream*>(stream));
}

}  // namespace

void export_device(const LibraryDevices& devices, uint32_t abi, const QuernHost& process,
                   QuernLibrary& library) {
  library.abi = QUERN_DEVICE_ABI;
  if (abi != QUERN_DEVICE_ABI) return;
  the_devices = &devices;
  the_host = &process;
  library.probe = probe;
  library.free_memory = free_memory;
  library.create_device = create_device;
  library.destroy_device = destroy_device;
  library.describe = describe;
  library.kv_budget = kv_budget;
  library.samples = samples;
  library.create_weight = create_weight;
  library.destroy_weight = destroy_weight;
  library.create_memory = create_memory;
  library.destroy_memory = destroy_memory;
  library.create_stream = create_stream;
  library.destroy_stream = destroy_stream;
  export_streams(library);
}

const QuernHost& host() {
  return *the_host;
}

}  // namespace quern
