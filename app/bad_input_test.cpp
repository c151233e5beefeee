// What a user may do wrong: each gives one clear line and the right exit code. A case is one line of the table.
#include <gtest/gtest.h>

#include <algorithm>

#include "netwright/core/files.hpp"
#include "run_command.hpp"

namespace netwright {
namespace {

struct Case {
  const char* name;
  const char* config;  // written to c.yaml; empty = none
  const char* words;   // behind "netwright"
  int code;
  std::vector<std::string> fragments;  // of the one line
};

std::vector<Case> word_cases() {
  return {
      {"no_verb", "", "", 2, {"no verb", "--help"}},
      {"unknown_verb", "", "serach", 2, {"'serach'", "did you mean 'search'"}},
      {"unknown_flag", "", "list spaces --jsno", 2, {"'--jsno'", "did you mean '--json'"}},
      {"missing_argument", "", "profile", 2, {"architecture", "required"}},
      {"unknown_list", "", "list space", 2, {"'space'", "did you mean 'spaces'"}},
      {"unknown_space", "", "space nasbensh201", 2, {"'nasbensh201'", "did you mean 'nasbench201'"}},
      {"unknown_architecture_space", "", "profile dart:x", 2, {"'dart'", "did you mean 'darts'"}},
      {"broken_architecture", "", "profile 'nasbench201:|nor_conv_3x3~0|'", 2, {"NAS-Bench-201 cell", "'|nor_conv_3x3~0|'"}},
      {"architecture_of_nothing", "", "profile nonsense", 2, {"nonsense", "SPACE:TEXT"}},
      {"missing_architecture_file", "", "profile missing.json", 2, {"missing.json", "No such file"}},
      {"bad_input_shape",
       "",
       "profile 'nasbench201:|none~0|+|none~0|none~1|+|none~0|none~1|none~2|' --input 3xBIG",
       2,
       {"--input", "3x32x32", "'3xBIG'"}},
      {"no_setting", "", "show 'minimal:edge=skip' channels", 2, {"key=value", "'channels'"}},
      {"zero_classes", "", "profile minimal:x --classes 0", 2, {"--classes"}},
      {"missing_config", "", "check missing.yaml", 2, {"missing.yaml", "No such file"}},
  };
}

std::vector<Case> config_cases() {
  return {
      {"empty_config", "\n", "search c.yaml --out run", 2, {"c.yaml", "empty"}},
      {"broken_yaml", "phases: [a\nb: 2", "check c.yaml", 2, {"c.yaml:2:", "not YAML"}},
      {"unknown_key", "phases:\n  - supernet: {epohcs: 3}", "check c.yaml", 2, {"c.yaml:2:16", "'epohcs'", "did you mean 'epochs'"}},
      {"zero_budget", "phases: [search: {trials: 0}]", "check c.yaml", 2, {"c.yaml:1:", "trials", ">= 1", "'0'"}},
      {"wrong_type", "phases: [search: {trials: many}]", "check c.yaml", 2, {"trials", "'many'"}},
      {"negative_seed", "seed: -4\nphases: [search]", "check c.yaml", 2, {"c.yaml:1:7", "seed", "'-4'"}},
      {"wrong_unit", "phases: [search: {time: 3lightyears}]", "check c.yaml", 2, {"time", "2h", "'3lightyears'"}},
      {"wrong_word", "device: gpu\nphases: [search]", "check c.yaml", 2, {"device", "did you mean 'cpu'"}},
      {"wrong_override", "phases: [search]", "check c.yaml phases.search.trails=3", 2, {"override", "'trails'", "did you mean 'trials'"}},
      {"unknown_strategy", "phases: [search: {strategy: evolutoin}]", "check c.yaml", 2, {"c.yaml:1:", "did you mean 'evolution'"}},
      {"unknown_strategy_option", "phases: [search: {strategy: {name: evolution, popluation: 3}}]", "check c.yaml", 2, {"did you mean 'population'"}},
      {"bad_strategy_option",
       "phases: [search: {strategy: {name: evolution, population: 0}, evaluator: cost}]",
       "check c.yaml",
       2,
       {"phases[0].search", "population"}},
      {"unknown_evaluator", "phases: [search: {evaluator: tablar}]", "check c.yaml", 2, {"did you mean 'tabular'"}},
      {"table_of_another_space", "space: darts\nphases: [search: {evaluator: tabular}]", "check c.yaml", 2, {"phases[0].search", "tabular"}},
      {"derive_without_supernet", "phases: [derive]", "check c.yaml", 2, {"derive", "supernet"}},
      {"retrain_without_search", "phases: [retrain]", "check c.yaml", 2, {"phases[0].retrain", "derive or search"}},
      {"space_setting",
       "space: {name: darts, network: {chanels: 4}}\nphases: [search: {evaluator: cost}]",
       "check c.yaml",
       2,
       {"chanels", "channels"}},
      {"missing_space_file", "space: none.yaml\nphases: [search: {evaluator: cost}]", "check c.yaml", 2, {"none.yaml"}},
      {"missing_image_folder",
       "data: {source: folder, path: nowhere}\nphases: [search: {evaluator: cost}]",
       "check c.yaml",
       2,
       {"nowhere", "no folder"}},
      {"supernet_beyond_memory", "space: darts\nmax_memory: 64MB\nphases: [supernet]", "check c.yaml", 2, {"phases[0].supernet", "64 MB", "batch"}},
      {"constraint_out_of_reach",
       "space: nasbench201\nconstraints: [{metric: params, at_most: 10}]\nphases: [search: {evaluator: cost}]",
       "check c.yaml > survey.txt",
       2,
       {"params <= 10", "best seen"}},
  };
}

// a.txt holds nine words and a line's end.
std::vector<Case> text_cases() {
  const char* small = "data: {source: text, path: a.txt, validation: 1, test_share: 0.3, sequence: 2}\nspace: darts_rnn\nphases: [supernet, derive, retrain, {baselines: {random: 1}}]";
  return {
      {"no_text", "data: {source: text}\nspace: darts_rnn\nphases: [supernet]", "check c.yaml", 2, {"data.path", "train.txt"}},
      {"missing_text", "data: {source: text, path: b.txt}\nspace: darts_rnn\nphases: [supernet]", "check c.yaml", 2, {"b.txt", "No such file"}},
      {"empty_text", "data: {source: text, path: empty.txt}\nspace: darts_rnn\nphases: [supernet]", "check c.yaml", 2, {"empty.txt", "is empty"}},
      {"unit_of_text", "data: {source: text, path: a.txt, unit: chr}\nspace: darts_rnn\nphases: [supernet]", "check c.yaml", 2, {"c.yaml:1:41", "data.unit", "did you mean 'char'"}},
      {"window_beyond_text", small, "check c.yaml data.test_share=0.1", 2, {"data.sequence", "a window of 2 tokens", "the test part of", "holds 1"}},
      {"more_windows_than_text", small, "check c.yaml data.validation=4", 2, {"data.validation", "leave none for training", "10 tokens"}},
      {"crop_of_text", small, "check c.yaml data.crop=2", 2, {"override 'data.crop=2'", "about images"}},
      {"sequence_of_images", "data: {sequence: 9}\nphases: [supernet]", "check c.yaml", 2, {"c.yaml:1:8", "about text"}},
      {"cells_of_images_on_text", small, "check c.yaml space=nasbench201", 2, {"phases[0].supernet", "nasbench201", "no language models"}},
      {"language_models_on_images", "space: darts_rnn\nphases: [supernet]", "check c.yaml", 2, {"phases[0].supernet", "sequences of numbers", "images"}},
      {"residual_network_on_text", small, "check c.yaml", 2, {"phases[3].baselines", "resnet: false"}},
      {"scores_of_text", small, "check c.yaml 'phases=[search: {evaluator: score}]'", 2, {"phases[0].search", "'score'", "looks at images"}},
  };
}

std::vector<Case> study_cases() {
  return {
      {"no_study", "", "status .", 2, {"study.db"}},
      {"not_a_study", "", "status broken", 2, {"study.db"}},
      {"unwritable_out", "space: minimal\nphases: [search: {evaluator: cost}]", "search c.yaml --out /proc/netwright", 1, {"/proc/netwright"}},
      {"full_disk", "", "list operations --json > /dev/full", 1, {"cannot write the output"}},
  };
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& part : {word_cases(), config_cases(), text_cases(), study_cases()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST(BadInput, GivesOneClearLineAndTheRightCode) {
  const auto folder = fresh_folder(testing::TempDir(), "bad_input");
  std::filesystem::create_directories(folder / "broken");
  write_file(folder / "broken" / "study.db", "this is no database, and long enough to be read as one: " + std::string(200, 'x'));
  write_file(folder / "a.txt", "one two three four five six seven eight nine\n");
  write_file(folder / "empty.txt", "");
  for (const Case& bad : cases()) {
    SCOPED_TRACE(bad.name);
    write_file(folder / "c.yaml", bad.config);
    const Ran ran = run_command("\"$NETWRIGHT\" " + std::string(bad.words), folder);
    EXPECT_EQ(ran.code, bad.code) << ran.out;
    EXPECT_TRUE(ran.out.starts_with("netwright: ")) << ran.out;
    EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1) << ran.out;
    for (const auto& fragment : bad.fragments) EXPECT_NE(ran.out.find(fragment), std::string::npos) << fragment << " in " << ran.out;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace netwright
