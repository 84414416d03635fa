#include "meta/trainer.h"

#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/stop.h"
#include "meta/outer_update.h"
#include "meta/rank_group.h"
#include "meta/task_traits.h"

namespace metaplastic {
namespace {

MetaConfig validated(const MetaConfig& config) {
  config.validate();
  return config;
}

}  // namespace

Trainer::Ending::~Ending() { quit_ranks(comm); }

Trainer::Trainer(const MetaConfig& config, const RunOptions& options)
    : options_(options),
      alone_(options.comm ? std::nullopt : std::make_optional<LocalGroup>(1)),
      comm_(options.comm ? *options.comm : alone_->at(0)),
      ending_{comm_},
      config_(validated(config)),
      tasks_(config_.tasks, options.families),
      folder_(options.out, config_, options.seed, tasks_.describe()),
      state_(options.resume ? folder_.resume(config_) : RunState{}),
      worker_(comm_, config_, tasks_, options.resume ? state_.seed : options.seed,
              options.num_threads) {
  METAPLASTIC_CHECK(comm_.rank() == 0);
  if (options_.on_note) {
    for (const std::string& line : tasks_.notes()) options_.on_note(line);
  }
  start_or_resume();
}

Trainer::~Trainer() = default;

void Trainer::start_or_resume() {
  if (!options_.resume) {
    state_.seed = options_.seed;
    state_.outer = start_outer_state(with_measured_traits(config_, tasks_, options_.seed,
                                                          initial_theta(config_, options_.seed)));
  }
  set_up_ranks(comm_, config_, state_.seed, state_.slots, tasks_.describe());
  std::vector<std::pair<int, Slot>> mine;
  for (std::size_t s = 0; s < state_.slots.size(); ++s) {
    const int slot_index = static_cast<int>(s);
    if (owner_of(slot_index, comm_.size()) != 0) continue;
    mine.emplace_back(slot_index, std::move(state_.slots[s]));
  }
  worker_.open(std::move(mine));  // saving asks for them again
  state_.slots.resize(static_cast<std::size_t>(config_.outer.outer_batch));
  rank_counts_.assign(static_cast<std::size_t>(comm_.size()), 0);
  last_update_ = steady_seconds();
  if (options_.resume) return;
  folder_.begin();  // last: a start that fails leaves no folder behind
  save();           // so that a run which is killed can be resumed, however early
}

void Trainer::tell(Tag tag, const Packer& packer) {
  comm_.broadcast(static_cast<int>(tag), packer.bytes());
  worker_.handle({0, static_cast<int>(tag), {packer.bytes().begin(), packer.bytes().end()}});
}

void Trainer::hear(const std::function<bool()>& enough) {
  while (!enough()) {
    if (const std::optional<Message> message = comm_.receive(kPatience)) take(*message);
  }
}

void Trainer::take(const Message& message) {
  switch (static_cast<Tag>(message.tag)) {
    case Tag::kReport:
      ++rank_counts_[static_cast<std::size_t>(message.source)];
      take_report(unpack<Report>(message));
      break;
    case Tag::kScore:
      if (validation_) validation_->take(unpack<ScoreMessage>(message));
      break;
    case Tag::kState: {
      auto [slot_index, slot] = unpack_state(message);
      state_.slots.at(static_cast<std::size_t>(slot_index)) = std::move(slot);
      --states_missing_;
      break;
    }
    case Tag::kStop:
      request_stop();
      break;
    case Tag::kError:
      rethrow(comm_, message);
    default:
      METAPLASTIC_CHECK(false);
  }
}

void Trainer::take_report(Report report) {
  if (!report.result.finite && options_.on_note) {
    options_.on_note(describe_non_finite(report, tasks_, state_.seed));
  }
  if (state_.outer.outer_step - report.outer_step > config_.outer.max_staleness) {
    ++num_stale_;
  } else {
    reports_.push_back(std::move(report));
  }
}

OuterMetrics Trainer::step() {
  tell(Tag::kTheta, pack(ThetaMessage{state_.outer.outer_step, state_.outer.theta}));
  const bool asynchronous = config_.outer.mode == "async";
  const int wanted = asynchronous && config_.outer.async_batch > 0 ? config_.outer.async_batch
                                                                   : config_.outer.outer_batch;
  hear([&] { return static_cast<int>(reports_.size()) >= wanted; });
  OuterMetrics metrics = outer_update(config_, std::exchange(reports_, {}), state_);
  metrics.num_stale = std::exchange(num_stale_, 0);
  metrics.rank_counts = std::exchange(rank_counts_, std::vector<int>(rank_counts_.size(), 0));
  const double now = steady_seconds();
  metrics.seconds = now - std::exchange(last_update_, now);
  return metrics;
}

ValidationResult Trainer::validate() {
  begin_validation();
  hear([&] { return validation_->complete(); });
  ValidationResult result = validation_->result(state_.start_accuracies);
  end_validation();
  return result;
}

void Trainer::record(const OuterMetrics& metrics) { folder_.append_metrics(metrics); }

void Trainer::request_states() {
  states_missing_ = config_.outer.outer_batch;
  tell(Tag::kStates);
}

void Trainer::save() {
  request_states();
  hear([&] { return states_missing_ == 0; });
  folder_.save(state_);
}

RunEnd meta_train(const MetaConfig& config, const RunOptions& options) {
  return Trainer(config, options).run();
}

}  // namespace metaplastic
