#pragma once
// What a config says, as plain values. Every field's default is what `netwright init` writes; units stand in the names.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "netwright/objective/objective.hpp"

namespace netwright {

using Settings = std::map<std::string, std::string, std::less<>>;

struct DataOptions {
  std::string source = "fashion_mnist";  // fashion_mnist | cifar10 | folder | text
  std::string path;                      // where the files are; empty: the usual place of the source
  std::int64_t train = 0;                // images taken from the training part after validation is set aside; 0 = all
  std::int64_t validation = 10000;       // images set aside from the training part
  std::int64_t test = 0;                 // images of the test part; 0 = all
  std::int64_t size = 32;                // folder: pixels a side after resizing
  double test_share = 0.2;               // folder without train/ and test/ parts: share set aside for the test
  std::int64_t crop = 2;                 // random crop: pixels of padding; 0 = off
  bool flip = true;                      // random horizontal flip
  std::int64_t cutout = 0;               // side of the erased square; 0 = off
  // Of text (text.hpp), where train, validation and test count windows in place of images.
  std::string unit = "word";             // word | char: what a token is
  std::int64_t sequence = 35;            // tokens of a window
  std::int64_t vocabulary = 0;           // most entries, the others become "<unk>"; 0 = all of the train part
  bool carry = true;                     // states go on from window to window; false: every window starts at zero
};

struct SpaceOptions {
  std::string name = "darts";  // a built-in space, or a .yaml file
  Settings network;            // of the final network, and of stand-alone trials
  Settings search;             // of the supernet
};

// How a stand-alone network is trained.
struct TrainingOptions {
  std::int64_t epochs = 10;
  std::int64_t batch = 96;
  std::string optimiser = "sgd";  // sgd (Nesterov) | adam | adamw
  double learning_rate = 0.025;
  double final_learning_rate = 0.0;
  std::string schedule = "cosine";  // cosine | constant
  double warmup_epochs = 0.0;       // linear from 0
  double momentum = 0.9;
  double weight_decay = 3e-4;
  double gradient_clip = 5.0;  // norm; 0 = off
  double label_smoothing = 0.0;
  double drop_path = 0.0;         // final rate, linear in epochs
  double auxiliary_weight = 0.4;  // where the network has an auxiliary head
  double ema = 0.0;               // decay of the averaged weights that are evaluated; 0 = off
  bool checkpoint = false;        // values inside cells are computed again in backward: less memory, more time
};

// A part by its name, and what it is given.
struct NamedPart {
  std::string name;
  Settings options = {};
};

// One stage of a progressive search; what it does happens at its end, and the next stage goes on from there.
struct StageOptions {
  std::int64_t epochs = 1;
  std::int64_t keep = 0;            // choices that are left of each decision; 0 = all
  std::int64_t close_every = 0;     // closes the most decided edge after every so many epochs of the stage; 0 = never
  double skip_dropout = 0;          // behind candidates that hand their input on, at the start; falls to 0 over the stage
  bool fresh = false;               // weights, architecture parameters and the policy start anew in this stage
  Settings network = {};            // of the search network from this stage on, over the phase's (a fresh stage's): more cells, other channels
  // How many choices, counted from the last, are open in this stage, by the last word of the decisions' names; decisions of other names stay
  // at their last choice (the largest kernel, width, depth). Not given: all are open.
  std::optional<std::map<std::string, std::int64_t>> open = {};
  std::int64_t draws = 1;           // of the relaxation a step; their gradients add up
  double learning_rate = 0;         // of the weights at the start of this stage's own cosine, the optimiser anew; 0 = the phase's
  bool sort_channels = false;       // at the start: the most important channels of every open width first
  bool teacher = false;             // paths also learn from the largest network as it was when the first such stage began
};

struct SupernetOptions {
  std::string relaxation = "softmax";
  std::string update = "first_order";  // how architecture parameters learn
  std::int64_t epochs = 8;
  std::int64_t batch = 64;
  double learning_rate = 0.025;
  double final_learning_rate = 0.001;
  double momentum = 0.9;
  double weight_decay = 3e-4;
  double gradient_clip = 5.0;
  double architecture_learning_rate = 3e-4;
  double architecture_weight_decay = 1e-3;
  std::int64_t warmup_epochs = 0;  // epochs before the architecture parameters move
  Settings relaxation_options = {};
  Settings update_options = {};
  std::vector<NamedPart> regularisers = {};
  std::vector<StageOptions> stages = {};   // empty: one stage of all epochs
  bool search_only = true;                 // candidates that are never picked ("none") take part
  bool edge_weights = false;               // selects weigh their inputs too (PC-DARTS' edge normalisation)
  std::int64_t partial = 1;                // choices see 1/partial of the channels
  bool kernel_transform = false;           // smaller kernels go through learned matrices
  bool checkpoint = false;                 // values inside cells are computed again in backward: less memory, more time
  std::vector<std::int64_t> resolutions = {};  // sides of images; each step of the weights draws one. Empty: the network's own
  bool distil = false;                     // of several paths a step the first learns from labels, the others from it
  double drop_path = 0;
  double architecture_beta1 = 0.5;         // of Adam
  std::int64_t architecture_every = 1;     // steps of the weights for one of the architecture parameters
  double eigenvalue_stop = 0;              // ends where the Hessian's largest eigenvalue grew by this factor; 0 = never
  bool curvature = true;                   // that eigenvalue is measured after every epoch, where there are ten or more
};

struct DeriveOptions {
  std::string rule = "strongest";  // of each decision the strongest picks; of a select the k strongest inputs
  Settings rule_options = {};
};

struct SearchOptions {
  std::string strategy = "evolution";
  Settings strategy_options;
  std::string evaluator = "train";
  Settings evaluator_options;  // train: epochs and any field of TrainingOptions; command: run, timeout; tabular: metric, ...
  std::string fidelity = "full";  // the schedule of budgets; its options: minimum, maximum, eta, ...
  Settings fidelity_options;
  std::string stop = "none";  // rule that ends a trial by its learning curve
  Settings stop_options;
  std::int64_t trials = 50;
  double max_seconds = 0;         // 0 = no limit
  std::int64_t window = 1;        // trials asked ahead of the tells; see the study
  std::vector<Constraint> constraints = {};   // of this phase, besides the config's
  std::int64_t max_failures = 0;  // end after so many failed trials in a row; 0 = never
};

struct RetrainOptions {
  std::int64_t best = 1;   // how many of the best architectures are retrained
  std::int64_t seeds = 1;  // runs of each
  std::string weights = "scratch";  // scratch | supernet: goes on from the shared weights, in the network's search form
  TrainingOptions training;
};

struct BaselineOptions {
  std::int64_t random = 2;  // random architectures of the same space, same training
  bool resnet = true;       // a hand-made residual network of similar cost, same training
  std::int64_t ranking_gap = 0;  // architectures that the supernet's ranking is compared on; more random ones are trained to reach it
};

struct ExportOptions {
  bool onnx = true;
  bool torchscript = true;
  bool verify = true;
};

// A search is a list of phases, run in order. Options: the one of `kind` is used.
struct Phase {
  std::string kind;  // supernet | derive | search | retrain | baselines | export
  std::variant<SupernetOptions, DeriveOptions, SearchOptions, RetrainOptions, BaselineOptions, ExportOptions> options;
};

struct Config {
  std::string name = "search";
  std::uint64_t seed = 0;
  std::string device = "cpu";   // cpu | cuda
  std::int64_t threads = 0;     // 0 = all that the process may use
  double max_memory_bytes = 0;  // a candidate estimated above this fails before it is built; 0 = three quarters of the machine
  DataOptions data;
  SpaceOptions space;
  Goal goal;
  std::vector<Phase> phases;
};

}  // namespace netwright
