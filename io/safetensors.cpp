#include <voxgrad/io/safetensors.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include <voxgrad/core/check.h>
#include <voxgrad/io/bytes.h>
#include <voxgrad/io/file.h>

// A file: the header's length (8 bytes, low byte first), the header (JSON, padded with spaces to a
// multiple of 8), the data. The header maps each name to {"dtype", "shape", "data_offsets": [begin,
// end]}, counted from the start of the data, and
// "__metadata__" to texts.
namespace voxgrad {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference reader's limit
constexpr int kMaxDepth = 3;                            // tensors -> one tensor -> its shape
constexpr int kMaxAxes = 64;                            // of a tensor, as in PyTorch
static_assert(std::endian::native == std::endian::little);

struct TypeName {
  DType dtype;
  const char* name;
};
// In the order in which the reference writer lays out the data.
constexpr TypeName kTypes[] = {{DType::int64, "I64"},   {DType::float64, "F64"},
                               {DType::float32, "F32"}, {DType::int32, "I32"},
                               {DType::uint8, "U8"},    {DType::boolean, "BOOL"}};

std::ptrdiff_t rank_of(DType dtype) {
  return std::ranges::find(kTypes, dtype, &TypeName::dtype) - std::begin(kTypes);
}

struct Entry {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Parses and checks the header of one file; every failure names the file.
class HeaderReader {
 public:
  HeaderReader(const std::string& path, std::uint64_t data_bytes)
      : path_(path), data_bytes_(data_bytes) {}

  // Entries in the order of their data.
  std::vector<Entry> read(const std::string& text,
                          std::map<std::string, std::string>& metadata) const {
    const Json header = parse(text);
    if (!header.is_object()) fail("its header must be a JSON object");
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") metadata = read_metadata(value);
      else entries.push_back(read_entry(name, value));
    }
    check_cover(entries);
    return entries;
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw FileError(fmt::format("load_safetensors: {}: {}", path_, why));
  }

 private:
  // JSON with each key at most once per object: the parser itself would keep the last one silently.
  Json parse(const std::string& text) const {
    std::vector<std::set<std::string>> keys;
    int numbers = 0;  // in the array that is read: a shape, or offsets
    const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
      if (depth > kMaxDepth) fail("its header is nested too deeply");
      if (event == Json::parse_event_t::array_start) numbers = 0;
      if (event == Json::parse_event_t::value && depth == kMaxDepth && ++numbers > kMaxAxes)
        fail(fmt::format("a tensor must have at most {} axes; its header has one of more",
                         kMaxAxes));
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key &&
          !keys.back().insert(value.get<std::string>()).second) {
        fail(fmt::format("its header has the name \"{}\" twice", value.get<std::string>()));
      }
      return true;
    };
    try {
      return Json::parse(text, check);
    } catch (const Json::exception&) {
      fail("its header is no valid JSON");
    }
  }

  std::map<std::string, std::string> read_metadata(const Json& value) const {
    std::map<std::string, std::string> metadata;
    if (!value.is_object()) fail("__metadata__ must map names to texts");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string())
        fail(
            fmt::format("__metadata__ must map names to texts; got another value for \"{}\"", key));
      metadata[key] = text.get<std::string>();
    }
    return metadata;
  }

  Entry read_entry(const std::string& name, const Json& value) const {
    Entry entry;
    entry.name = name;
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
        !value.contains("shape") || !value.contains("data_offsets")) {
      fail(fmt::format("tensor \"{}\" must have dtype, shape and data_offsets and nothing else",
                       name));
    }
    entry.dtype = read_dtype(name, value["dtype"]);
    for (const std::uint64_t size : read_numbers(name, "shape", value["shape"])) {
      entry.shape.push_back(static_cast<Index>(size));
    }
    const std::vector<std::uint64_t> offsets =
        read_numbers(name, "data_offsets", value["data_offsets"]);
    if (offsets.size() != 2)
      fail(fmt::format("tensor \"{}\" must have two data_offsets; got {}", name, offsets.size()));
    entry.begin = offsets[0];
    entry.end = offsets[1];
    if (entry.begin > entry.end || entry.end > data_bytes_) {
      fail(fmt::format("tensor \"{}\" must lie within the file's {} bytes of data; got {} to {}",
                       name, data_bytes_, entry.begin, entry.end));
    }
    check_bytes(entry);
    return entry;
  }

  DType read_dtype(const std::string& name, const Json& value) const {
    const std::string dtype = value.is_string() ? value.get<std::string>() : value.dump();
    const auto* type =
        std::ranges::find_if(kTypes, [&](const TypeName& t) { return dtype == t.name; });
    if (type == std::end(kTypes)) {
      fail(fmt::format("tensor \"{}\" must have dtype F32, F64, I64, I32, U8 or BOOL; got {}", name,
                       dtype));
    }
    return type->dtype;
  }

  std::vector<std::uint64_t> read_numbers(const std::string& name, const char* what,
                                          const Json& value) const {
    const auto is_number = [](const Json& n) {
      return n.is_number_unsigned() && n.get<std::uint64_t>() <= (std::uint64_t{1} << 62);
    };
    if (!value.is_array() || !std::ranges::all_of(value, is_number)) {
      fail(fmt::format("tensor \"{}\": {} must be an array of whole numbers from 0 to 2^62; got {}",
                       name, what, value.dump(-1, ' ', true, Json::error_handler_t::replace)));
    }
    return value.get<std::vector<std::uint64_t>>();
  }

  void check_bytes(const Entry& entry) const {
    std::optional<Index> bytes;
    try {
      bytes = checked_product(element_count(entry.shape), static_cast<Index>(size_of(entry.dtype)));
    } catch (const ShapeError&) {
      fail(fmt::format("tensor \"{}\" has an impossible shape {}", entry.name,
                       to_string(entry.shape)));
    }
    if (static_cast<std::uint64_t>(*bytes) != entry.end - entry.begin) {
      fail(fmt::format("tensor \"{}\" of shape {} and dtype {} takes {} bytes; got {}", entry.name,
                       to_string(entry.shape), voxgrad::name(entry.dtype), *bytes,
                       entry.end - entry.begin));
    }
  }

  // Sorts by position; every byte of the data must belong to exactly one tensor.
  void check_cover(std::vector<Entry>& entries) const {
    std::ranges::stable_sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
    std::uint64_t next = 0;
    for (const Entry& entry : entries) {
      if (entry.begin != next) {
        fail(fmt::format(
            "tensor \"{}\" must begin at byte {} of the data, where the one before it ends; got {}",
            entry.name, next, entry.begin));
      }
      next = entry.end;
    }
    if (next != data_bytes_) {
      fail(fmt::format("its tensors take {} bytes of data; got {}", next, data_bytes_));
    }
  }

  const std::string& path_;
  std::uint64_t data_bytes_;
};

void check_names(const NamedTensors& tensors) {
  std::set<std::string_view> names;
  for (const auto& [name, tensor] : tensors) {
    VG_CHECK(name != "__metadata__", KeyError,
             "save_safetensors: a tensor must not be called \"__metadata__\"");
    VG_CHECK(names.insert(name).second, KeyError,
             "save_safetensors: names must differ; got \"{}\" twice", name);
    VG_CHECK(tensor.defined(), KeyError, "save_safetensors: \"{}\" is no tensor", name);
  }
}

std::string make_header(const std::vector<const NamedTensors::value_type*>& tensors,
                        const std::map<std::string, std::string>& metadata,
                        const std::string& path) {
  auto header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  Index begin = 0;
  for (const auto* named : tensors) {
    const auto& [name, tensor] = *named;
    const Index end = begin + tensor.numel() * static_cast<Index>(size_of(tensor.dtype()));
    header[name] = {{"dtype", kTypes[rank_of(tensor.dtype())].name},
                    {"shape", tensor.shape()},
                    {"data_offsets", {begin, end}}};
    begin = end;
  }
  try {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  } catch (const Json::exception&) {
    throw FileError(fmt::format("save_safetensors: {}: names and metadata must be UTF-8", path));
  }
}

}  // namespace

const Tensor& SafetensorsFile::at(const std::string& name) const {
  const auto found = std::ranges::find(tensors, name, &NamedTensors::value_type::first);
  VG_CHECK(found != tensors.end(), KeyError, "safetensors: the file has no tensor \"{}\"", name);
  return found->second;
}

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata) {
  check_names(tensors);
  std::vector<const NamedTensors::value_type*> sorted;
  for (const auto& named : tensors) sorted.push_back(&named);
  std::ranges::sort(sorted, {}, [](const auto* named) {
    return std::pair<std::ptrdiff_t, std::string_view>(rank_of(named->second.dtype()),
                                                       named->first);
  });
  const std::string header = make_header(sorted, metadata, path);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const auto* named : sorted) file.write(logical_bytes(named->second));
  file.commit();
}

SafetensorsFile load_safetensors(const std::string& path) {
  const std::uint64_t total = file_size(path);
  const HeaderReader before(path, 0);
  std::ifstream file(path, std::ios::binary);
  std::uint64_t length = 0;
  if (!file) before.fail("cannot be read");
  if (total < 8 || !file.read(reinterpret_cast<char*>(&length), 8))
    before.fail("is no safetensors file: it is too short");
  if (length > kMaxHeaderBytes || length > total - 8) {
    before.fail(fmt::format(
        "is cut off or no safetensors file: its header must have at most {} bytes; got {}",
        std::min(kMaxHeaderBytes, total - 8), length));
  }
  std::string text(length, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(length)))
    before.fail("became shorter while it was read");
  const HeaderReader header(path, total - 8 - length);
  SafetensorsFile result;
  for (const Entry& entry : header.read(text, result.metadata)) {
    Tensor tensor = Tensor::empty(entry.shape, entry.dtype);
    auto* bytes = static_cast<char*>(tensor.mutable_raw());
    const auto count = static_cast<std::streamsize>(entry.end - entry.begin);
    if (count > 0 && !file.read(bytes, count)) header.fail("became shorter while it was read");
    if (entry.dtype == DType::boolean &&
        std::any_of(bytes, bytes + count, [](char b) { return b != 0 && b != 1; })) {
      header.fail(fmt::format("tensor \"{}\": BOOL elements must be 0 or 1", entry.name));
    }
    result.tensors.emplace_back(entry.name, tensor);
  }
  return result;
}

}  // namespace voxgrad
