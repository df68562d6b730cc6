#include "engine/engine.h"

#include <algorithm>

#include "core/error.h"
#include "core/machine.h"

namespace quern {

namespace {
double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}
}  // namespace

Engine::Engine(std::unique_ptr<Device> device, std::unique_ptr<Decoder> decoder, const Options& options,
               std::function<void()> wake)
    : device_(std::move(device)),
      decoder_(std::move(decoder)),
      options_(options),
      scheduler_({options.step_rows, options.sequences, decoder_->state_shape().kv.pages,
                  decoder_->state_shape().sights(), decoder_->rope_turning_length()}),
      outbox_(std::move(wake)) {
  stats_.pages = decoder_->state_shape().kv.pages;
  thread_ = std::thread([this] { loop(); });
}

Engine::~Engine() {
  close();
}

void Engine::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    changes_ = true;
    abort_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

uint32_t Engine::submit(Request request) {
  const DecoderConfig& config = decoder_->config();
  const auto length = static_cast<int64_t>(request.prompt.size());
  if (length == 0) throw Error("invalid_input", "the prompt is empty: expected at least one token");
  for (const int32_t token : request.prompt) check_token("", token, config);
  if (length > options_.longest) {
    throw Error("context_overflow", "the prompt has " + std::to_string(length) +
                                        " tokens, the context holds " + std::to_string(options_.longest) +
                                        ": shorten the prompt, load the model with a larger contextLength "
                                        "where it allows one, or let it go "
                                        "on without an end by contextOverflow: 'sink'");
  }
  const int64_t cache = capacity();
  if (length > cache) {
    throw Error("kv_cache_too_small", "the prompt has " + std::to_string(length) +
                                          " tokens, the KV cache holds " + std::to_string(cache) +
                                          ": load the model with a larger kvCache.maxBytes (--kv-cache)");
  }
  request.task->prepare(request.prompt, config, *device_);
  const std::lock_guard lock(mutex_);
  if (closing_) throw Error("closed", "the model is closed");
  if (stats_.queued >= options_.queue) {
    throw Error("overloaded", std::to_string(stats_.queued) +
                                  " requests wait, as many as may: try again when some have ended, or load "
                                  "the model with a larger maxQueue");
  }
  const uint32_t id = next_id_++;
  auto sequence = std::make_shared<Sequence>(id, std::move(request));
  sequence->state.variant = decoder_->rope_variant(static_cast<int>(length));
  sequence->most_length = static_cast<int32_t>(length);
  if (const auto most_tokens = sequence->task->most_tokens()) {
    // One token follows even a prompt that fills the context.
    const int64_t capacity = std::max(length + 1, cache);
    sequence->most_length = static_cast<int32_t>(std::min(length + *most_tokens, capacity));
  }
  alive_.emplace(id, sequence);
  arrived_.push_back(std::move(sequence));
  ++stats_.queued;
  changes_ = true;
  changed_.notify_one();
  return id;
}

uint32_t Engine::transfer(PageTransfer transfer) {
  const int vocab = decoder_->config().vocab;
  const int64_t pages = pages_of(transfer, scheduler_.cache());
  const auto fits = [&](int64_t count) {
    return transfer.first >= 0 && count >= 0 && transfer.first <= pages && count <= pages - transfer.first;
  };
  const auto page_bytes = static_cast<size_t>(decoder_->page_bytes());
  if (transfer.in && transfer.origin == kComputedHere)
    throw Error("invalid_input", "pages: expected an origin of their own, since they were not computed here");
  if (static_cast<int64_t>(transfer.tokens.size()) > options_.longest ||
      !std::ranges::all_of(transfer.tokens, [&](int32_t token) { return token >= 0 && token < vocab; }) ||
      transfer.bytes.size() % page_bytes != 0 ||
      !fits(transfer.in ? static_cast<int64_t>(transfer.bytes.size() / page_bytes) : transfer.count)) {
    throw Error("invalid_input",
                "pages: expected tokens of the vocabulary within the context, and whole pages of " +
                    std::to_string(page_bytes) + " bytes for them");
  }
  const std::lock_guard lock(mutex_);
  if (closing_) throw Error("closed", "the model is closed");
  const uint32_t id = transfer.id = next_id_++;
  transfers_.push_back(std::move(transfer));
  changes_ = true;
  changed_.notify_one();
  return id;
}

void Engine::cancel(uint32_t request) {
  const std::lock_guard lock(mutex_);
  const auto found = alive_.find(request);
  if (found == alive_.end() || found->second->cancelled.exchange(true)) return;
  if (found->second->in_flight > 0 && --live_in_flight_ == 0) abort_ = true;
  changes_ = true;
  changed_.notify_one();
}

void Engine::consumed(uint32_t request, int32_t tokens) {
  const std::lock_guard lock(mutex_);
  const auto found = alive_.find(request);
  if (found == alive_.end()) return;
  const int32_t before = found->second->unread.fetch_sub(tokens);
  if (before < kMostUnread) return;
  changes_ = true;
  changed_.notify_one();
}

Engine::Stats Engine::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Engine::loop() {
  while (wait_for_work()) {
    try {
      reap_cancelled();
      transfer_pages();
      for (;;) {
        const bool launched = launch_next();
        if (!launched && in_flight_.empty()) break;
        // Where nothing can be launched, what is in flight may be what it waits for.
        if (!launched || static_cast<int>(in_flight_.size()) > decoder_->depth()) retire_oldest();
        outbox_.put(emitted_);
        const std::lock_guard lock(mutex_);
        if (changes_) break;
      }
    } catch (const std::exception&) {
      fail_all(current_failure());
    }
    publish_stats();
    outbox_.put(emitted_);
  }
}

// Takes in what callers did since the last time, and sleeps while there is nothing to do. False: the engine
// closes.
bool Engine::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return changes_; });
  changes_ = false;
  for (auto& sequence : arrived_) scheduler_.add(std::move(sequence));
  arrived_.clear();
  if (!closing_) return true;
  lock.unlock();
  for (const auto& sequence : scheduler_.running()) sequence->cancelled = true;
  for (const auto& sequence : scheduler_.waiting()) sequence->cancelled = true;
  reap_cancelled();
  give_up_flights();
  transfer_pages();
  publish_stats();
  outbox_.put(emitted_);
  return false;
}

void Engine::transfer_pages() {
  std::vector<PageTransfer> transfers;
  bool closing = false;
  {
    const std::lock_guard lock(mutex_);
    transfers.swap(transfers_);
    closing = closing_;
  }
  if (closing || !transfers.empty()) drain();
  for (const PageTransfer& transfer : transfers) {
    Task::Ending ending = Cancelled{};
    try {
      if (!closing) ending = quern::transfer_pages(transfer, scheduler_.cache(), *decoder_);
    } catch (const std::exception&) {
      ending = current_failure();
    }
    emitted_.answers.push_back({transfer.id, std::move(ending)});
  }
}

void Engine::reap_cancelled() {
  std::vector<std::shared_ptr<Sequence>> cancelled;
  const auto collect = [&](const auto& sequences) {
    for (const auto& sequence : sequences) {
      if (sequence->cancelled.load()) cancelled.push_back(sequence);
    }
  };
  collect(scheduler_.running());
  collect(scheduler_.waiting());
  for (const auto& sequence : cancelled) finish(*sequence, Cancelled{});
}

// ---- a step

// False: there is nothing to launch, or nothing before a step in flight is collected.
bool Engine::launch_next() {
  const auto& parts = scheduler_.schedule();
  if (parts.empty()) return false;
  publish_stats();
  Flight flight;
  if (!landed_.empty()) {
    flight = std::move(landed_.back());
    landed_.pop_back();
  }
  begin_flight(flight, parts);
  flight.ticket = decoder_->begin(inputs_, abort_);
  want(flight);
  decoder_->launch(flight.ticket);
  scheduler_.launched();
  in_flight_.push_back(std::move(flight));
  return true;
}

void Engine::begin_flight(Flight& flight, const std::vector<ScheduledRows>& parts) {
  {
    std::unique_lock lock(mutex_);
    if (abort_ && !in_flight_.empty()) {  // those serve nobody, and their flag is this step's too
      lock.unlock();
      drain();
      lock.lock();
    }
    abort_ = closing_;
    for (const ScheduledRows& part : parts) {
      if (part.sequence->in_flight++ == 0 && !part.sequence->cancelled) ++live_in_flight_;
    }
    if (live_in_flight_ == 0) abort_ = true;
  }
  const auto now = Clock::now();
  flight.parts = parts;
  flight.sequences.clear();
  flight.rows = 0;
  inputs_.clear();
  drawn_inputs_.clear();
  drawn_inputs_.reserve(parts.size());
  const size_t groups = scheduler_.cache().groups();
  tables_.clear();
  tables_.reserve(parts.size() * groups);
  for (const ScheduledRows& part : parts) {
    Sequence& sequence = *part.sequence;
    flight.sequences.push_back(sequence.shared_from_this());
    if (!sequence.started) sequence.started = now;
    const auto first = static_cast<size_t>(part.first), rows = static_cast<size_t>(part.rows);
    std::span<const int32_t> tokens = std::span(sequence.tokens);
    if (first < tokens.size()) {
      tokens = tokens.subspan(first, rows);
    } else {  // one that the step before draws
      drawn_inputs_.push_back(drawn_in(sequence.slot));
      tokens = {&drawn_inputs_.back(), 1};
    }
    const std::span tables(tables_.data() + tables_.size(), groups);
    for (const std::vector<int32_t>& table : sequence.state.tables) tables_.push_back(table.data());
    inputs_.push_back({tokens, part.first, sequence.prompt_length, tables});
    flight.rows += part.rows;
  }
}

// Asks the decoder for what the tasks want of the step's rows.
void Engine::want(Flight& flight) {
  wants_.clear();
  flight.given.clear();
  for (const ScheduledRows& part : flight.parts) {
    flight.given.push_back({wants_.sampled.size(), wants_.host_sampled.size(), wants_.scored.size()});
    part.sequence->slot = static_cast<int32_t>(wants_.sampled.size());
    part.sequence->task->want(part, wants_);
  }
  decoder_->sample(wants_.sampled, wants_.samples);
  decoder_->score(wants_.scored, wants_.scores);
  const auto vocab = static_cast<size_t>(decoder_->config().vocab);
  flight.host_samples = wants_.host_samples;
  flight.host_logits.resize(flight.host_samples.size() * vocab);
  decoder_->read_logits(wants_.host_sampled, flight.host_logits.data());
  for (const Wants::Read& read : wants_.logits) decoder_->read_logits(read.rows, read.into);
  for (const Wants::Read& read : wants_.states) decoder_->read_states(read.rows, read.into);
}

void Engine::drain() {
  while (!in_flight_.empty()) retire_oldest();
}

void Engine::retire_oldest() {
  Flight flight = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (end_flight(flight)) {
    scheduler_.measured(flight.rows, result_.seconds);
    sample_on_host(flight);
    for (size_t i = 0; i < flight.parts.size(); ++i) {
      if (flight.parts[i].sequence->ended) continue;
      const auto [sampled, host_sampled, scored] = flight.given[i];
      take(flight.parts[i],
           {std::span(result_.sampled).subspan(sampled), std::span(host_sampled_).subspan(host_sampled),
            std::span(result_.scored).subspan(scored)});
    }
    publish_stats();
  }
  flight.sequences.clear();
  landed_.push_back(std::move(flight));
}

void Engine::sample_on_host(Flight& flight) {
  host_sampled_.resize(flight.host_samples.size());
  if (host_sampled_.empty()) return;
  if (!host_sampler_) host_sampler_ = create_host_sampler(decoder_->config().vocab, usable_processors());
  host_sampler_->sample(flight.host_logits, flight.host_samples, host_sampled_);
}

// A part is computed: its pages are known, and its task goes on with what it wanted.
void Engine::take(const ScheduledRows& part, Given given) {
  Sequence& sequence = *part.sequence;
  scheduler_.retired(part);
  auto ending = sequence.task->take(part, given, emitted_);
  if (part.reaches_end && !sequence.first_token) sequence.first_token = Clock::now();
  if (ending) finish(sequence, std::move(*ending));
}

// Waits for the step. False: it was given up, for somebody cancelled, and the loop looks before the next one.
bool Engine::end_flight(Flight& flight) {
  const bool completed = decoder_->collect(flight.ticket, result_);
  const std::lock_guard lock(mutex_);
  for (const auto& sequence : flight.sequences) {
    if (--sequence->in_flight == 0 && !sequence->cancelled && !sequence->ended) --live_in_flight_;
  }
  return completed && !abort_;
}

// The sequence's last answer, and its end.
void Engine::finish(Sequence& sequence, Task::Ending ending) {
  const auto now = Clock::now();
  const auto started = sequence.started.value_or(now), first = sequence.first_token.value_or(now);
  if (auto* const end = std::get_if<End>(&ending)) {
    end->timings = {seconds_between(sequence.submitted, started), seconds_between(started, first),
                    seconds_between(first, now)};
  }
  emitted_.answers.push_back({sequence.id, std::move(ending)});
  sequence.ended = true;
  scheduler_.remove(sequence);  // the last owner may be alive_: erase that after everything else
  const std::lock_guard lock(mutex_);
  // What steps in flight still compute for it is surplus.
  if (sequence.in_flight > 0 && !sequence.cancelled && --live_in_flight_ == 0) abort_ = true;
  alive_.erase(sequence.id);
}

// What is in flight serves nobody any more, and nobody is to hear whether it fails.
void Engine::give_up_flights() {
  abort_ = true;
  for (; !in_flight_.empty(); in_flight_.pop_front()) {
    try {
      decoder_->collect(in_flight_.front().ticket, result_);
    } catch (const std::exception&) {
    }
  }
}

void Engine::fail_all(const Failure& why) {
  give_up_flights();
  std::vector<std::shared_ptr<Sequence>> all(scheduler_.running());
  all.insert(all.end(), scheduler_.waiting().begin(), scheduler_.waiting().end());
  for (const auto& sequence : all) finish(*sequence, why);
  const std::lock_guard lock(mutex_);
  live_in_flight_ = 0;
}

void Engine::publish_stats() {
  const std::lock_guard lock(mutex_);
  stats_.active = static_cast<int>(scheduler_.running().size());
  stats_.queued = static_cast<int>(scheduler_.waiting().size() + arrived_.size());
  stats_.pages_in_use = scheduler_.cache().in_use();
  stats_.pages_cached = scheduler_.cache().cached();
}

}  // namespace quern
