#include "backend/cuda/staged_copies.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace quern::cuda {

namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr const char* kWhat = "copying pages";

// The copies in their order, cut into as many as fill a piece.
class Fillings {
 public:
  explicit Fillings(std::span<const Copy> copies) : left_(copies) {}

  // Empty: there are no more.
  std::vector<Copy> next() {
    std::vector<Copy> filling;
    for (size_t room = kPieceBytes; room > 0 && !left_.empty();) {
      const Copy& one = left_.front();
      const size_t bytes = std::min(room, one.bytes - done_);
      filling.push_back(
          {static_cast<std::byte*>(one.device) + done_, static_cast<std::byte*>(one.host) + done_, bytes});
      room -= bytes;
      done_ += bytes;
      if (done_ < one.bytes) break;
      left_ = left_.subspan(1);
      done_ = 0;
    }
    return filling;
  }

 private:
  std::span<const Copy> left_;
  size_t done_ = 0;  // bytes of the first that is left
};

// Runs work(), and where that throws waits for what it has asked of the stream: its pieces are used again.
template <typename Work>
void settled(const Context& context, cudaStream_t stream, const Work& work) {
  context.enter();
  try {
    work();
  } catch (...) {
    context.check(cudaStreamSynchronize(stream), kWhat);  // if the GPU itself failed, this says so
    throw;
  }
}

}  // namespace

StagedCopies::StagedCopies(std::shared_ptr<const Context> context)
    : context_(std::move(context)), pieces_(context_) {}

void StagedCopies::upload(std::span<const Copy> copies, cudaStream_t stream) {
  settled(*context_, stream, [&] {
    Fillings fillings(copies);
    for (auto filling = fillings.next(); !filling.empty(); filling = fillings.next()) {
      std::byte* staged = pieces_.next(kPieceBytes);
      for (const Copy& one : filling) {
        std::memcpy(staged, one.host, one.bytes);
        context_->check(cudaMemcpyAsync(one.device, staged, one.bytes, cudaMemcpyHostToDevice, stream),
                        kWhat);
        staged += one.bytes;
      }
      pieces_.hand_over(stream);
    }
    context_->check(cudaStreamSynchronize(stream), kWhat);
  });
}

void StagedCopies::download(std::span<const Copy> copies, cudaStream_t stream) {
  settled(*context_, stream, [&] {
    Fillings fillings(copies);
    std::vector<Copy> on_their_way[2];
    do {
      std::byte* const piece = pieces_.next(kPieceBytes);
      std::vector<Copy>& filling = on_their_way[pieces_.current()];
      const std::byte* there = piece;
      for (const Copy& one : filling) {
        std::memcpy(one.host, there, one.bytes);
        there += one.bytes;
      }
      filling = fillings.next();
      std::byte* staged = piece;
      for (const Copy& one : filling) {
        context_->check(cudaMemcpyAsync(staged, one.device, one.bytes, cudaMemcpyDeviceToHost, stream),
                        kWhat);
        staged += one.bytes;
      }
      if (!filling.empty()) pieces_.hand_over(stream);
    } while (!on_their_way[0].empty() || !on_their_way[1].empty());
  });
}

}  // namespace quern::cuda
