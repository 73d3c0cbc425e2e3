#include "examples/support/run_log.h"

#include <fmt/format.h>
#include <voxgrad/core/error.h>
#include <voxgrad/io/file.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace voxgrad::examples {
namespace {

constexpr std::string_view kHeader = "step,loss,dice,voxels_per_second,seconds,learning_rate";
constexpr std::size_t kFields = 6;
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;

std::string csv_line(const RunLogRow& row) {
  // 9 digits give a float back as it was.
  return fmt::format("{},{:.9g},{},{:.6g},{:.6g},{:.9g}\n", row.step, row.loss,
                     row.dice ? fmt::format("{:.9g}", *row.dice) : "", row.voxels_per_second,
                     row.seconds, row.learning_rate);
}

bool parse(std::string_view field, auto& value) {
  const char* const end = field.data() + field.size();
  const auto result = std::from_chars(field.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

std::optional<RunLogRow> parse_row(std::string_view line) {
  std::array<std::string_view, kFields> fields;
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::size_t comma = line.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == kFields)) return std::nullopt;
    fields[i] = line.substr(0, comma);
    line.remove_prefix(i + 1 == kFields ? 0 : comma + 1);
  }
  RunLogRow row;
  if (!fields[2].empty()) row.dice = 0.0;
  const bool fits = parse(fields[0], row.step) && parse(fields[1], row.loss) &&
                    (!row.dice || parse(fields[2], *row.dice)) &&
                    parse(fields[3], row.voxels_per_second) && parse(fields[4], row.seconds) &&
                    parse(fields[5], row.learning_rate);
  return fits ? std::optional(row) : std::nullopt;
}

void write_rows(const std::string& path, const std::vector<RunLogRow>& rows) {
  std::string text = std::string(kHeader) + "\n";
  for (const RunLogRow& row : rows) text += csv_line(row);
  write_file(path, text);
}

[[noreturn]] void fail_to_write(const std::string& path) {
  throw FileError(fmt::format("run log: {} must be writable; got {}", path, std::strerror(errno)));
}

}  // namespace

std::vector<RunLogRow> read_run_log(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, kLargestFile);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<RunLogRow> rows;
  for (int number = 1; text.find('\n') != std::string_view::npos; ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    const std::optional<RunLogRow> row = number > 1 ? parse_row(line) : std::nullopt;
    if (number == 1 ? line != kHeader : !row) {
      throw FileError(fmt::format("run log: line {} of {} must hold {}; got '{}'", number, path,
                                  kHeader, line.substr(0, 80)));
    }
    if (row) rows.push_back(*row);
  }
  return rows;
}

RunLog::RunLog(std::string path, std::vector<RunLogRow> rows)
    : path_(std::move(path)), rows_(std::move(rows)) {}

RunLog RunLog::create(const std::string& path) {
  const AtomicFile probe(path);
  return RunLog(path, {});
}

RunLog RunLog::resume(const std::string& path, std::int64_t last_step) {
  if (!std::filesystem::exists(path)) return create(path);
  std::vector<RunLogRow> rows = read_run_log(path);
  std::erase_if(rows, [&](const RunLogRow& row) { return row.step > last_step; });
  write_rows(path, rows);
  return RunLog(path, std::move(rows));
}

// A new file appears with its first row; later ones are added at its end.
void RunLog::append(const RunLogRow& row) {
  if (!file_) {
    std::vector<RunLogRow> rows = rows_;
    rows.push_back(row);
    write_rows(path_, rows);
    file_.reset(std::fopen(path_.c_str(), "ae"));
    if (!file_) fail_to_write(path_);
    rows_ = std::move(rows);
    return;
  }
  const std::string line = csv_line(row);
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() ||
      std::fflush(file_.get()) != 0) {
    fail_to_write(path_);
  }
  rows_.push_back(row);
}

}  // namespace voxgrad::examples
