#include "engine/engine.h"

#include <algorithm>
#include <new>

#include "core/error.h"
#include "engine/random.h"

namespace quern {

namespace {
double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// What the next token of a sequence depends on besides its logits: its own tokens and the draws of its seed.
SampleParams sample_params(const Sequence& sequence) {
  const Request& request = sequence.request;
  const auto index = static_cast<uint64_t>(sequence.generated());
  const float xtc = request.sampling.xtc_probability;
  return {&request.sampling,
          sequence.tokens,
          request.prompt.size(),
          uniform_draw(request.seed, index),
          xtc > 0 && uniform_draw(request.seed, index, DrawStream::xtc) <= double{xtc},
          sequence.mu};
}

// A request's last row, from the exception that is being handled.
StepRow failed_row() {
  StepRow row;
  row.finish = Finish::failed;
  try {
    throw;
  } catch (const Error& error) {
    row.error_code = error.code();
    row.error_message = error.what();
  } catch (const std::bad_alloc&) {
    row.error_code = "out_of_memory";
    row.error_message = "not enough memory for what was asked for";
  } catch (const std::exception& error) {
    row.error_code = "internal";
    row.error_message = error.what();
  }
  return row;
}
}  // namespace

Engine::Engine(std::unique_ptr<Backend> backend, std::unique_ptr<Decoder> decoder, const Options& options,
               std::function<void()> wake)
    : backend_(std::move(backend)),
      decoder_(std::move(decoder)),
      options_(options),
      scheduler_({options.step_rows, options.sequences, decoder_->kv_shape().pages}),
      outbox_(std::move(wake)) {
  stats_.pages = decoder_->kv_shape().pages;
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
  const int vocab = decoder_->config().vocab;
  const auto length = static_cast<int64_t>(request.prompt.size());
  if (length == 0) throw Error("invalid_input", "the prompt is empty: expected at least one token");
  for (const int32_t token : request.prompt) {
    if (token < 0 || token >= vocab) {
      throw Error("invalid_token", "token " + std::to_string(token) +
                                       " is not in the vocabulary: expected ids from 0 to " +
                                       std::to_string(vocab - 1));
    }
  }
  for (const LogitBias& bias : request.sampling.logit_bias) {
    if (bias.token < 0 || bias.token >= vocab) {
      throw Error("invalid_token", "logitBias: token " + std::to_string(bias.token) +
                                       " is not in the vocabulary: expected ids from 0 to " +
                                       std::to_string(vocab - 1));
    }
  }
  if (length > options_.context_length) {
    throw Error("context_overflow", "the prompt has " + std::to_string(length) +
                                        " tokens, the context holds " +
                                        std::to_string(options_.context_length) +
                                        ": shorten the prompt or load the model with a larger contextLength");
  }
  const int64_t capacity = decoder_->kv_shape().pages * kPagePositions;
  if (length > capacity) {
    throw Error("kv_cache_too_small",
                "the prompt has " + std::to_string(length) + " tokens, the KV cache holds " +
                    std::to_string(capacity) +
                    ": load the model with a larger kvCache.maxBytes (by default one full context, at most "
                    "half of the memory that was free)");
  }
  const std::lock_guard lock(mutex_);
  if (closing_) throw Error("closed", "the model is closed");
  const uint32_t id = next_id_++;
  auto sequence = std::make_shared<Sequence>(id, std::move(request));
  sequence->variant = decoder_->rope_variant(static_cast<int>(length));
  alive_.emplace(id, sequence);
  arrived_.push_back(std::move(sequence));
  ++stats_.queued;
  changes_ = true;
  changed_.notify_one();
  return id;
}

uint32_t Engine::transfer(PageTransfer transfer) {
  const int vocab = decoder_->config().vocab;
  const auto pages = static_cast<int64_t>(transfer.tokens.size()) / kPagePositions;
  const auto fits = [&](int64_t count) {
    return transfer.first >= 0 && count >= 0 && transfer.first <= pages && count <= pages - transfer.first;
  };
  const auto page_bytes = static_cast<size_t>(decoder_->page_bytes());
  if (transfer.in && transfer.origin == kComputedHere)
    throw Error("invalid_input", "pages: expected an origin of their own, since they were not computed here");
  if (static_cast<int64_t>(transfer.tokens.size()) > options_.context_length ||
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
  if (found->second->in_step && --live_in_step_ == 0) abort_ = true;
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
        const auto& parts = scheduler_.schedule();
        if (parts.empty()) break;
        publish_stats();
        step(parts);
        outbox_.put(emitted_);
        const std::lock_guard lock(mutex_);
        if (changes_) break;
      }
    } catch (const std::exception&) {
      fail_all(failed_row());
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
  for (const PageTransfer& transfer : transfers) {
    StepRow row;
    row.finish = Finish::cancelled;
    try {
      if (!closing) row = quern::transfer_pages(transfer, scheduler_.cache(), *decoder_);
    } catch (const std::exception&) {
      row = failed_row();
    }
    row.request = transfer.id;
    emitted_.push_back(std::move(row));
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
  for (const auto& sequence : cancelled) {
    StepRow row;
    row.finish = Finish::cancelled;
    finish(*sequence, std::move(row));
  }
}

void Engine::step(const std::vector<ScheduledRows>& parts) {
  {
    const std::lock_guard lock(mutex_);
    abort_ = closing_;
    live_in_step_ = 0;
    for (const ScheduledRows& part : parts) {
      part.sequence->in_step = true;
      live_in_step_ += part.sequence->cancelled ? 0 : 1;
    }
    if (live_in_step_ == 0) abort_ = true;
  }
  const auto start = Clock::now();
  inputs_.clear();
  int rows = 0;
  for (const ScheduledRows& part : parts) {
    Sequence& sequence = *part.sequence;
    if (!sequence.started) sequence.started = start;
    const std::span<const int32_t> tokens(sequence.tokens);
    inputs_.push_back({tokens.subspan(static_cast<size_t>(sequence.computed), static_cast<size_t>(part.rows)),
                       sequence.computed, static_cast<int>(sequence.request.prompt.size()),
                       sequence.pages.data()});
    rows += part.rows;
  }
  bool completed = decoder_->forward(inputs_, abort_);
  if (completed) choose_tokens(parts);
  {
    const std::lock_guard lock(mutex_);
    for (const ScheduledRows& part : parts) part.sequence->in_step = false;
    completed = completed && !abort_;
  }
  if (!completed) return;  // somebody cancelled, so the loop looks before the next step
  scheduler_.measured(rows, seconds_between(start, Clock::now()));
  size_t chosen = 0;
  for (const ScheduledRows& part : parts) {
    Sequence& sequence = *part.sequence;  // may be gone after its last row
    scheduler_.completed(part);
    if (sequence.pending() > 0) continue;
    if (sequence.wants_logits()) {
      StepRow row;
      row.finish = Finish::logits;
      row.logits = std::move(sequence.logits);
      finish(sequence, std::move(row));
    } else {
      Sampled& sampled = chosen_[chosen++];
      sequence.mu = sampled.mu;
      sequence.logprobs = std::move(sampled.logprobs);
      accept_token(sequence, sampled.token);
    }
  }
  publish_stats();
}

// Logits and tokens for every sequence whose last token is in this step.
void Engine::choose_tokens(const std::vector<ScheduledRows>& parts) {
  chosen_rows_.clear();
  sample_params_.clear();
  int32_t first_row = 0;
  for (const ScheduledRows& part : parts) {
    Sequence& sequence = *part.sequence;
    if (sequence.wants_logits()) {
      collect_logits(part, first_row);
    } else if (part.reaches_end()) {
      chosen_rows_.push_back(first_row + part.rows - 1);
      sample_params_.push_back(sample_params(sequence));
    }
    first_row += part.rows;
  }
  chosen_.resize(chosen_rows_.size());
  const size_t most = static_cast<size_t>(options_.logits_rows);
  for (size_t first = 0; first < chosen_rows_.size(); first += most) {
    const size_t count = std::min(most, chosen_rows_.size() - first);
    const Tensor logits = decoder_->logits(std::span(chosen_rows_).subspan(first, count));
    backend_->sample(logits, std::span(sample_params_).subspan(first, count),
                     std::span(chosen_).subspan(first, count));
  }
}

void Engine::collect_logits(const ScheduledRows& part, int32_t first_row) {
  Sequence& sequence = *part.sequence;
  const bool all = sequence.request.logits == Request::Logits::all;
  if (!all && !part.reaches_end()) return;
  const size_t vocab = static_cast<size_t>(decoder_->config().vocab);
  // A preempted request starts anew.
  sequence.logits.resize(all ? static_cast<size_t>(sequence.computed) * vocab : 0);
  std::vector<int32_t> rows;
  for (int32_t row = all ? 0 : part.rows - 1; row < part.rows; ++row) rows.push_back(first_row + row);
  const size_t most = static_cast<size_t>(options_.logits_rows);
  for (size_t first = 0; first < rows.size(); first += most) {
    const size_t count = std::min(most, rows.size() - first);
    const Tensor logits = decoder_->logits(std::span(rows).subspan(first, count));
    sequence.logits.insert(sequence.logits.end(), logits.as<float>(), logits.as<float>() + count * vocab);
  }
}

void Engine::accept_token(Sequence& sequence, int32_t token) {
  const Request& request = sequence.request;
  if (!sequence.first_token) sequence.first_token = Clock::now();
  sequence.tokens.push_back(token);
  StepRow row;
  row.request = sequence.id;
  row.token = token;
  row.logprobs = std::move(sequence.logprobs);
  if (sequence.generated() == 1) row.cached_tokens = sequence.cached;
  bool stops =
      std::find(request.stop_tokens.begin(), request.stop_tokens.end(), token) != request.stop_tokens.end();
  const int64_t capacity =
      std::min<int64_t>(options_.context_length, decoder_->kv_shape().pages * kPagePositions);
  const bool full =
      sequence.generated() >= request.max_tokens || static_cast<int64_t>(sequence.tokens.size()) >= capacity;
  if (sequence.text && !stops) stops = sequence.text->push(token, row.text);
  sequence.unread.fetch_add(1);
  if (!stops && !full) {
    emitted_.push_back(std::move(row));
    return;
  }
  if (sequence.text && sequence.text->end(row.text)) stops = true;
  row.finish = stops ? Finish::stop : Finish::length;
  finish(sequence, std::move(row));
}

// The sequence's last row, and its end.
void Engine::finish(Sequence& sequence, StepRow row) {
  const auto now = Clock::now();
  const auto started = sequence.started.value_or(now), first = sequence.first_token.value_or(now);
  row.request = sequence.id;
  row.timings = {seconds_between(sequence.submitted, started), seconds_between(started, first),
                 seconds_between(first, now)};
  emitted_.push_back(std::move(row));
  scheduler_.remove(sequence);  // the last owner may be alive_: erase that after everything else
  const std::lock_guard lock(mutex_);
  alive_.erase(sequence.id);
}

void Engine::fail_all(const StepRow& row) {
  std::vector<std::shared_ptr<Sequence>> all(scheduler_.running());
  all.insert(all.end(), scheduler_.waiting().begin(), scheduler_.waiting().end());
  for (const auto& sequence : all) finish(*sequence, row);
}

void Engine::publish_stats() {
  const std::lock_guard lock(mutex_);
  stats_.active = static_cast<int>(scheduler_.running().size());
  stats_.queued = static_cast<int>(scheduler_.waiting().size() + arrived_.size());
  stats_.pages_in_use = scheduler_.cache().in_use();
  stats_.pages_cached = scheduler_.cache().cached();
}

}  // namespace quern
