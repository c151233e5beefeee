#pragma once
// One connection to the journal's SQLite file: cached statements, transactions, and errors as one clear line.
//
// WAL, synchronous = NORMAL: a killed process loses nothing that was committed; a power cut may lose the last commits but leaves no
// damage. Writers wait up to 30 s for each other. A connection belongs to one thread at a time and never crosses a fork.
#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace netwright {

class Journal {
 public:
  static constexpr int format_version = 2;

  // Makes the file with its tables and what `fill` writes: all at once, or not at all. Errors: UsageError where it exists; Error where
  // it cannot be written.
  static std::unique_ptr<Journal> create(const std::filesystem::path& file, const std::function<void(Journal&)>& fill);
  // Errors: UsageError for a missing or foreign file, or another format version.
  static std::unique_ptr<Journal> open(const std::filesystem::path& file);

  const std::filesystem::path& file() const { return file_; }

  // Runs a statement that gives no rows; returns how many rows it changed.
  template <class... Values>
  int run(std::string_view sql, const Values&... values) {
    return guarded([&] {
      Prepared statement(prepared(sql));
      bind_all(*statement, values...);
      return statement->exec();
    });
  }

  // Calls row(statement) for every row of the answer.
  template <class Row, class... Values>
  void each(std::string_view sql, const Row& row, const Values&... values) {
    guarded([&] {
      Prepared statement(prepared(sql));
      bind_all(*statement, values...);
      while (statement->executeStep()) row(*statement);
    });
  }

  // All of `writes` or nothing, in a transaction of its own, or as a part of the batch that is open.
  template <class Writes>
  auto transaction(const Writes& writes) {
    const Transaction open(*this);
    if constexpr (std::is_void_v<decltype(writes())>) {
      writes();
      open.commit();
    } else {
      auto result = writes();
      open.commit();
      return result;
    }
  }

  // Batches nest: only the outermost commits.
  void begin();
  void commit();
  void roll_back() noexcept;   // all levels
  bool in_transaction() const { return depth_ > 0; }

 private:
  explicit Journal(const std::filesystem::path& file, int flags);

  // Gives a cached statement back clean, whatever happens: one that is left open would hold its snapshot of the file.
  class Prepared {
   public:
    explicit Prepared(SQLite::Statement& statement) : statement_(statement) {}
    ~Prepared() { statement_.tryReset(); }
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
    SQLite::Statement& operator*() const { return statement_; }
    SQLite::Statement* operator->() const { return &statement_; }

   private:
    SQLite::Statement& statement_;
  };

  // Rolls back when it is left without commit(), unless an outer transaction decides.
  class Transaction {
   public:
    explicit Transaction(Journal& journal) : journal_(journal), outermost_(!journal.in_transaction()) {
      if (outermost_) journal_.begin();
    }
    ~Transaction() {
      if (outermost_ && journal_.in_transaction()) journal_.roll_back();
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit() const {
      if (outermost_) journal_.commit();
    }

   private:
    Journal& journal_;
    bool outermost_;
  };

  SQLite::Statement& prepared(std::string_view sql);

  template <class... Values>
  static void bind_all(SQLite::Statement& statement, const Values&... values) {
    int index = 0;
    (statement.bind(++index, values), ...);
  }

  template <class Work>
  auto guarded(const Work& work) const {
    try {
      return work();
    } catch (const SQLite::Exception& failure) {
      fail(failure);
    }
  }

  [[noreturn]] void fail(const SQLite::Exception& failure) const;
  void set_up();
  void make_tables();
  void check_format();

  std::filesystem::path file_;
  SQLite::Database database_;
  std::map<std::string, std::unique_ptr<SQLite::Statement>, std::less<>> statements_;
  int depth_ = 0;
};

}  // namespace netwright
