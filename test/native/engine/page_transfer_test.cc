#include "engine/page_transfer.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "engine/served.h"
#include "numbers.h"

namespace quern::test {
namespace {

constexpr PageOrigin kFile = 1;
constexpr int kPrompt = 150, kKnown = 9;  // whole pages of the prompt

Asked request_for(uint64_t seed, PageOrigin origin = kComputedHere) {
  Random random(seed);
  Asked request;
  request.origin = origin;
  for (int i = 0; i < kPrompt; ++i) request.prompt.push_back(random.below(kVocab));
  request.max_tokens = 10;
  return request;
}

Result run(Served& served, const Asked& request) {
  const uint32_t id = served.submit(request);
  CHECK(served.read_all());
  return served.result(id);
}

Pages transfer(Served& served, PageTransfer transfer) {
  const uint32_t id = served.engine().transfer(std::move(transfer));
  std::vector<Answer> answers;
  const auto start = Clock::now();
  while (answers.empty()) {
    if (Clock::now() - start > kPatience) throw std::runtime_error("a transfer without an answer");
    answers = served.engine().take().answers;
    std::this_thread::yield();
  }
  CHECK_EQ(answers.size(), size_t{1});
  CHECK_EQ(answers[0].request, id);
  return std::get<Pages>(answers[0].what);
}

PageTransfer out(const Asked& request, int64_t first, int64_t count) {
  return {0, request.origin, request.prompt, first, count, {}, false};
}
PageTransfer in(const Asked& request, int64_t first, std::vector<uint8_t> bytes) {
  return {0, kFile, request.prompt, first, 0, std::move(bytes), true};
}

TEST(pages_of_one_engine_serve_another) {
  for (const bool exact : {false, true}) {
    const Setup setup{1, 512, 0, exact};
    const Asked request = request_for(1);
    Served from(setup);
    const Result want = run(from, request);
    const auto page_bytes = static_cast<size_t>(from.engine().decoder().page_bytes());
    const Pages all = transfer(from, out(request, 0, kKnown));
    CHECK_EQ(all.known, int64_t{kKnown});
    CHECK_EQ(all.bytes.size(), kKnown * page_bytes);
    const Pages some = transfer(from, out(request, 5, 3));
    CHECK_EQ(some.bytes.size(), 3 * page_bytes);
    CHECK(std::equal(some.bytes.begin(), some.bytes.end(),
                     all.bytes.begin() + 5 * static_cast<int64_t>(page_bytes)));

    Served to(setup);
    const Asked reader = request_for(1, kFile);
    CHECK_EQ(transfer(to, out(reader, 0, kKnown)).known, int64_t{0});
    const auto half = all.bytes.begin() + 4 * static_cast<int64_t>(page_bytes);
    // Pages whose beginning is not there are of no use.
    CHECK_EQ(transfer(to, in(request, 4, {half, all.bytes.end()})).known, int64_t{0});
    CHECK_EQ(transfer(to, in(request, 0, {all.bytes.begin(), half})).known, int64_t{4});
    CHECK_EQ(
        transfer(to, in(request, 2, {half - 2 * static_cast<int64_t>(page_bytes), all.bytes.end()})).known,
        int64_t{kKnown});
    CHECK_EQ(to.pages_in_use(), int64_t{0});
    const Result got = run(to, reader);
    CHECK(got.tokens == want.tokens);
    CHECK_EQ(got.cached_tokens, kKnown * kPagePositions);
    CHECK(transfer(to, out(reader, 0, kKnown)).bytes == all.bytes);
    CHECK_EQ(transfer(to, out(request_for(2, kFile), 0, kKnown)).known, int64_t{0});
    // Nobody else has anything of them.
    CHECK_EQ(transfer(to, out(request, 0, kKnown)).known, int64_t{0});
    CHECK_EQ(run(to, request).cached_tokens, 0);
  }
}

// The angles of longrope are others in a conversation beyond the original context, from its first token on.
TEST(pages_of_the_beginning_of_a_longer_conversation) {
  const std::string longrope =
      "rope 0 scaling longrope\nrope 0 factor 4\nrope 0 original_context 100\n"
      "rope 0 short_factors 1 1 1 1 1 1 1 1\nrope 0 long_factors 1 2 3 4 5 6 7 8\n";
  const Asked request = request_for(1);
  const auto beginning = [](PageTransfer of, int64_t length) {
    of.tokens.resize(96);
    of.length = length;
    return of;
  };
  Served from({1, 512, 0, false}, longrope);
  const Result want = run(from, request);
  CHECK_EQ(transfer(from, beginning(out(request, 0, 6), 96)).known, int64_t{0});
  const Pages found = transfer(from, beginning(out(request, 0, 6), kPrompt));
  CHECK_EQ(found.known, int64_t{6});
  Served to({1, 512, 0, false}, longrope);
  CHECK_EQ(transfer(to, beginning(in(request, 0, found.bytes), kPrompt)).known, int64_t{6});
  const Result got = run(to, request_for(1, kFile));
  CHECK_EQ(got.cached_tokens, 96);
  CHECK(got.tokens == want.tokens);
}

TEST(what_does_not_fit_stays_out) {
  Served from({1, 512, 0, false});
  const Asked request = request_for(1);
  const Result want = run(from, request);
  const auto bytes = transfer(from, out(request, 0, kKnown)).bytes;
  Served small({1, 512, 5 * kPageBytes, false});
  CHECK_EQ(transfer(small, in(request, 0, bytes)).known, int64_t{5});
  CHECK_EQ(small.engine().stats().pages_cached, int64_t{5});
  Asked shorter = request_for(1, kFile);
  shorter.prompt.resize(60);
  CHECK_EQ(run(small, shorter).cached_tokens, 48);
}

TEST(what_transfer_refuses) {
  Served served({1, 512, 0, false});
  const Asked request = request_for(1);
  const auto page = static_cast<size_t>(served.engine().decoder().page_bytes());
  const auto refuses = [&](PageTransfer transfer) {
    CHECK_ERROR(served.engine().transfer(std::move(transfer)), "invalid_input");
  };
  refuses(in(request, 0, std::vector<uint8_t>(page - 1)));
  refuses(in(request, 0, std::vector<uint8_t>(page * (kKnown + 1))));
  refuses(in(request, kKnown, std::vector<uint8_t>(page)));
  refuses(in(request, -1, std::vector<uint8_t>(page)));
  refuses(in(request, INT64_MAX, std::vector<uint8_t>(page)));
  PageTransfer computed = in(request, 0, std::vector<uint8_t>(page));
  computed.origin = kComputedHere;
  refuses(computed);
  refuses(out(request, 0, kKnown + 1));
  refuses(out(request, 3, INT64_MAX));
  refuses(out(request, -1, 1));
  refuses(out(request, 0, -1));
  PageTransfer strange = out(request, 0, 1);
  strange.tokens[3] = kVocab;
  refuses(strange);
  strange.tokens.assign(kContext + 1, 1);
  refuses(strange);
  served.engine().close();
  CHECK_ERROR(served.engine().transfer(out(request, 0, 1)), "closed");
}

// Any bytes are keys and values. What is generated from numbers is tokens; from others the request that reads
// them may meet no number at the end, and says so.
TEST(any_bytes_are_safe) {
  Random random(9);
  for (int round = 0; round < 20; ++round) {
    const bool exact = round % 2 == 0;
    Served served({2, 512, 0, exact});
    std::vector<uint8_t> bytes(static_cast<size_t>(served.engine().decoder().page_bytes()) * kKnown);
    const bool are_numbers = round >= 8;  // of every kind: below 1
    for (uint8_t& byte : bytes)
      byte = round < 4 ? 0xff : static_cast<uint8_t>(random.below(are_numbers ? 0x40 : 256));
    Asked request = request_for(1, kFile);
    CHECK_EQ(transfer(served, in(request, 0, bytes)).known, int64_t{kKnown});
    request.sampling.temperature = static_cast<float>(round % 3);
    request.sampling.top_k = round % 5;
    request.sampling.top_p = round % 2 == 0 ? 1 : 0.9f;
    request.sampling.min_p = round % 4 == 0 ? 0.1f : 0;
    const Result result = run(served, request);
    if (are_numbers || result.failure.code.empty()) {
      CHECK_EQ(result.tokens.size(), size_t{10});
      CHECK_EQ(result.cached_tokens, kKnown * kPagePositions);
    } else {
      CHECK_EQ(result.failure.code, "not_finite");
    }
    for (const int32_t token : result.tokens) CHECK(token >= 0 && token < kVocab);
  }
}

// Pages come and go beside requests that compute, and nobody's bits change.
TEST(beside_running_requests) {
  const Setup setup{2, 32, 14 * kPageBytes, false};
  const Asked request = request_for(1), other = request_for(2);
  Served quiet(setup);
  const Result want = run(quiet, request);
  const auto bytes = transfer(quiet, out(request, 0, kKnown)).bytes;
  const Result want_other = run(quiet, other);
  Served served(setup);
  const Asked reader = request_for(1, kFile);
  std::vector<uint32_t> ids;
  for (int round = 0; round < 30; ++round) {
    ids.push_back(served.submit(round % 2 == 1 ? other : round % 4 == 0 ? request : reader));
    (void)served.engine().transfer(in(request, 0, bytes));
    (void)served.engine().transfer(out(round % 3 == 0 ? request : other, 0, kKnown));
    CHECK(served.read_until([&] { return served.result(ids.back()).finish != Finish::running; }));
  }
  for (size_t i = 0; i < ids.size(); ++i)
    CHECK(served.result(ids[i]).tokens == (i % 2 == 0 ? want : want_other).tokens);
}

// A file that lies changes what its reader hears, and nobody else's bits, whatever runs together.
TEST(lies_stay_with_who_reads_them) {
  const Setup setup{2, 64, 40 * kPageBytes, false};
  const Asked request = request_for(1), reader = request_for(1, kFile), stranger = request_for(1, 2);
  Served quiet(setup);
  const Result want = run(quiet, request);
  auto bytes = transfer(quiet, out(request, 0, kKnown)).bytes;
  for (size_t i = 1; i < bytes.size(); i += 2) bytes[i] ^= 0x80;  // every number's sign
  Served served(setup);
  CHECK_EQ(transfer(served, in(request, 0, bytes)).known, int64_t{kKnown});
  std::vector<uint32_t> readers, others;
  for (int round = 0; round < 4; ++round) {
    readers.push_back(served.submit(reader));
    others.push_back(served.submit(round % 2 == 0 ? request : stranger));
    if (round == 1) CHECK(served.read_all());  // the first two pairs run together, then the others do
  }
  CHECK(served.read_all());
  for (const uint32_t id : others) CHECK(served.result(id).tokens == want.tokens);
  for (const uint32_t id : readers) {
    CHECK(served.result(id).tokens != want.tokens);
    CHECK_EQ(served.result(id).cached_tokens, kKnown * kPagePositions);
  }
}

}  // namespace
}  // namespace quern::test
