#include <voxgrad/io/safetensors.h>

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>

#include <voxgrad/core/error.h>

#include "tests/support/temporary_folder.h"

namespace voxgrad {
namespace {

using test::message_of;
using test::TemporaryFolder;

std::vector<std::byte> file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::vector<std::byte> bytes(8 + header.size() + data.size());
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  if (!data.empty()) std::memcpy(bytes.data() + 8 + header.size(), data.data(), data.size());
  return bytes;
}

class Safetensors : public testing::Test {
 protected:
  SafetensorsFile load(const std::string& header, const std::string& data) const {
    test::put_file(path_, file_of(header, data));
    return load_safetensors(path_);
  }

  // The error's text without its start, "load_safetensors: PATH: ".
  std::string error(const std::vector<std::byte>& file) const {
    test::put_file(path_, file);
    const std::string start = "load_safetensors: " + path_ + ": ";
    const std::string text = message_of<FileError>([&] { load_safetensors(path_); });
    EXPECT_TRUE(text.starts_with(start)) << text;
    return text.size() < start.size() ? text : text.substr(start.size());
  }
  std::string error(const std::string& header, const std::string& data) const {
    return error(file_of(header, data));
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "a.safetensors";
};

TEST_F(Safetensors, ReadsBackEveryDtypeWithNamesShapesAndMetadata) {
  const NamedTensors tensors = {
      {"weights", Tensor::from(std::vector<float>{1, 2, 3, 4, 5, -6.5F}, {2, 3})},
      {"double", Tensor::from(std::vector<double>{0.1}, {})},
      {"long \"name\" \n\u00e4", Tensor::from(std::vector<std::int64_t>{-1, 1LL << 60}, {2})},
      {"int", Tensor::from(std::vector<std::int32_t>{-7}, {1, 1})},
      {"byte", Tensor::from(std::vector<std::uint8_t>{0, 255, 3}, {3})},
      {"bool", Tensor::empty({2}, DType::boolean)},
      {"nothing", Tensor::empty({0, 5})},
  };
  Tensor flags = tensors[5].second;
  flags.mutable_data<bool>()[0] = true;
  flags.mutable_data<bool>()[1] = false;
  save_safetensors(path_, tensors, {{"step", "12"}, {"kind", "unet"}});
  const SafetensorsFile file = load_safetensors(path_);
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"kind", "unet"}, {"step", "12"}}));
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (const auto& [name, written] : tensors) {
    const Tensor& read = file.at(name);
    EXPECT_EQ(read.shape(), written.shape()) << name;
    ASSERT_EQ(read.dtype(), written.dtype()) << name;
    visit_dtype(read.dtype(), [&]<typename T>() {
      EXPECT_EQ(read.to_vector<T>(), written.to_vector<T>()) << name;
    });
  }
  EXPECT_EQ(folder_.list(), std::vector<std::string>{"a.safetensors"});
}

TEST_F(Safetensors, WritesTheReferenceWritersBytes) {
  save_safetensors(path_,
                   {{"b", Tensor::from(std::vector<std::uint8_t>{1, 2, 3}, {3})},
                    {"z", Tensor::from(std::vector<float>{1}, {1})},
                    {"a", Tensor::from(std::vector<float>{2}, {1, 1})}},
                   {{"k", "v"}});
  std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},)"
      R"("z":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},)"
      R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  const std::string data("\0\0\0\x40\0\0\x80\x3f\x01\x02\x03", 11);
  EXPECT_EQ(test::get_file(path_), file_of(header, data));
}

TEST_F(Safetensors, WritesLogicalOrderWhateverTheStrides) {
  Tensor whole = Tensor::empty({2, 3, 5});
  std::iota(whole.mutable_data<float>(), whole.mutable_data<float>() + 30, 0.F);
  const Tensor turned = whole.alias({5, 2, 3}, {1, 15, 5}, 0);
  const Tensor spread = whole.alias({4, 3}, {0, 1}, 2);
  save_safetensors(path_, {{"turned", turned}, {"spread", spread}});
  const SafetensorsFile file = load_safetensors(path_);
  EXPECT_EQ(file.at("turned").to_vector<float>(), turned.to_vector<float>());
  EXPECT_TRUE(file.at("turned").is_contiguous());
  EXPECT_EQ(file.at("spread").to_vector<float>(), spread.to_vector<float>());
}

TEST_F(Safetensors, HoldsNoTensorsToo) {
  save_safetensors(path_, {});
  EXPECT_TRUE(load_safetensors(path_).tensors.empty());
  EXPECT_EQ(test::get_file(path_).size() % 8, 0U);
}

TEST_F(Safetensors, AcceptsAnyOrderOfNamesAndUnpaddedHeaders) {
  const SafetensorsFile file = load(R"({"b":{"data_offsets":[1,2],"dtype":"U8","shape":[]},)"
                                    R"( "a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                                    "\x07\x08");
  EXPECT_EQ(file.tensors[0].first, "a");
  EXPECT_EQ(file.at("b").item(), 8);
}

TEST_F(Safetensors, RefusesNamesThatCannotBeWritten) {
  const Tensor one = Tensor::from(std::vector<float>{1}, {1});
  EXPECT_THROW(save_safetensors(path_, {{"a", one}, {"a", one}}), KeyError);
  EXPECT_THROW(save_safetensors(path_, {{"__metadata__", one}}), KeyError);
  EXPECT_THROW(save_safetensors(path_, {{"a", Tensor()}}), KeyError);
  EXPECT_THROW(save_safetensors(path_, {{"\xff", one}}), FileError);
  EXPECT_THROW(save_safetensors(path_, {{"a", one}}, {{"k", "\xc3"}}), FileError);
  EXPECT_THROW(save_safetensors(folder_ / "none/a", {{"a", one}}), FileError);
  EXPECT_TRUE(folder_.list().empty());
}

TEST_F(Safetensors, NamesATensorThatIsNotThere) {
  EXPECT_EQ(message_of<KeyError>([] { (void)SafetensorsFile().at("w"); }),
            "safetensors: the file has no tensor \"w\"");
}

TEST_F(Safetensors, ReportsFilesThatAreNone) {
  EXPECT_THROW(load_safetensors(folder_ / "none"), FileError);
  EXPECT_THROW(load_safetensors(folder_.path()), FileError);
  EXPECT_EQ(error(std::vector<std::byte>(7)), "is no safetensors file: it is too short");
  auto file = file_of("{}", "");
  file[0] = std::byte{3};
  EXPECT_EQ(error(file),
            "is cut off or no safetensors file: its header must have at most 2 bytes; got 3");
  file[7] = std::byte{255};
  EXPECT_NE(error(file), "");
}

TEST_F(Safetensors, ReportsMalformedHeaders) {
  EXPECT_EQ(error("{", ""), "its header is no valid JSON");
  EXPECT_EQ(error("", ""), "its header is no valid JSON");
  EXPECT_EQ(error("{\"\xff\":1}", ""), "its header is no valid JSON");
  EXPECT_EQ(error("[]", ""), "its header must be a JSON object");
  EXPECT_EQ(error(std::string(100000, '['), ""), "its header is nested too deeply");
  EXPECT_EQ(error(R"({"__metadata__":1})", ""), "__metadata__ must map names to texts");
  EXPECT_EQ(error(R"({"__metadata__":{"a":1}})", ""),
            "__metadata__ must map names to texts; got another value for \"a\"");
  EXPECT_EQ(error(R"({"a":1})", ""),
            "tensor \"a\" must have dtype, shape and data_offsets and nothing else");
  EXPECT_EQ(error(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}})", ""),
            "tensor \"a\" must have dtype, shape and data_offsets and nothing else");
}

TEST_F(Safetensors, ReportsDuplicateNames) {
  const std::string one = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(error("{" + one + "," + one + "}", "x"), "its header has the name \"a\" twice");
  EXPECT_EQ(error(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"),
            "its header has the name \"dtype\" twice");
}

std::string one_tensor(const std::string& dtype, const std::string& shape,
                       const std::string& offsets) {
  return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

TEST_F(Safetensors, ReportsOtherElementTypes) {
  const std::string rule = "tensor \"a\" must have dtype F32, F64, I64, I32, U8 or BOOL; got ";
  EXPECT_EQ(error(one_tensor("\"BF16\"", "[1]", "[0,2]"), "xx"), rule + "BF16");
  EXPECT_EQ(error(one_tensor("3", "[1]", "[0,2]"), "xx"), rule + "3");
}

TEST_F(Safetensors, ReportsImpossibleShapesAndOffsets) {
  const std::string numbers = " must be an array of whole numbers from 0 to 2^62; got ";
  EXPECT_EQ(error(one_tensor("\"U8\"", "[-1]", "[0,1]"), "x"),
            "tensor \"a\": shape" + numbers + "[-1]");
  EXPECT_EQ(error(one_tensor("\"U8\"", "[1.5]", "[0,1]"), "x"),
            "tensor \"a\": shape" + numbers + "[1.5]");
  EXPECT_EQ(error(one_tensor("\"U8\"", "3", "[0,1]"), "x"), "tensor \"a\": shape" + numbers + "3");
  EXPECT_EQ(error(one_tensor("\"U8\"", "[18446744073709551615]", "[0,1]"), "x"),
            "tensor \"a\": shape" + numbers + "[18446744073709551615]");
  EXPECT_EQ(error(one_tensor("\"U8\"", "[1]", "[0,1,2]"), "x"),
            "tensor \"a\" must have two data_offsets; got 3");
  EXPECT_EQ(error(one_tensor("\"U8\"", "[1]", "[0,2]"), "x"),
            "tensor \"a\" must lie within the file's 1 bytes of data; got 0 to 2");
  EXPECT_EQ(error(one_tensor("\"U8\"", "[1]", "[1,0]"), "x"),
            "tensor \"a\" must lie within the file's 1 bytes of data; got 1 to 0");
  EXPECT_EQ(error(one_tensor("\"F32\"", "[1]", "[0,1]"), "x"),
            "tensor \"a\" of shape [1] and dtype float32 takes 4 bytes; got 1");
  EXPECT_EQ(error(one_tensor("\"F32\"", "[4294967296,4294967296]", "[0,0]"), ""),
            "tensor \"a\" has an impossible shape [4294967296, 4294967296]");
  EXPECT_EQ(error(one_tensor("\"F64\"", "[4611686018427387904]", "[0,0]"), ""),
            "tensor \"a\" has an impossible shape [4611686018427387904]");
}

TEST_F(Safetensors, TakesSixtyFourAxesAndNoMore) {
  const auto ones = [](int count) {
    std::string shape = "[1";
    for (int i = 1; i < count; ++i) shape += ",1";
    return shape + "]";
  };
  EXPECT_EQ(load(one_tensor("\"U8\"", ones(64), "[0,1]"), "x").at("a").dim(), 64);
  for (const int count : {65, 200000}) {
    EXPECT_EQ(error(one_tensor("\"U8\"", ones(count), "[0,1]"), "x"),
              "a tensor must have at most 64 axes; its header has one of more");
  }
}

TEST_F(Safetensors, ReportsGapsOverlapsAndBytesOfNoTensor) {
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
  };
  EXPECT_EQ(error(two("[0,2]", "[1,3]"), "xxx"),
            "tensor \"b\" must begin at byte 2 of the data, where the one before it ends; got 1");
  EXPECT_EQ(error(two("[0,2]", "[0,2]"), "xx"),
            "tensor \"b\" must begin at byte 2 of the data, where the one before it ends; got 0");
  EXPECT_EQ(error(two("[0,2]", "[3,5]"), "xxxxx"),
            "tensor \"b\" must begin at byte 2 of the data, where the one before it ends; got 3");
  EXPECT_EQ(error(two("[1,3]", "[3,5]"), "xxxxx"),
            "tensor \"a\" must begin at byte 0 of the data, where the one before it ends; got 1");
  EXPECT_EQ(error(two("[0,2]", "[2,4]"), "xxxxx"), "its tensors take 4 bytes of data; got 5");
  EXPECT_EQ(error("{}", "x"), "its tensors take 0 bytes of data; got 1");
}

TEST_F(Safetensors, ReportsBoolsThatAreNone) {
  EXPECT_EQ(error(one_tensor("\"BOOL\"", "[2]", "[0,2]"), std::string("\x01\x02")),
            "tensor \"a\": BOOL elements must be 0 or 1");
}

TEST_F(Safetensors, MutatedAndCutFilesGiveAnErrorOrTensors) {
  save_safetensors(path_,
                   {{"weight", Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2})},
                    {"flags", Tensor::from(std::vector<std::uint8_t>{1, 0}, {2})}},
                   {{"step", "3"}});
  const auto good = test::get_file(path_);
  std::mt19937 random(3);
  for (int i = 0; i < 600; ++i) {
    auto bad = good;
    for (int changes = 1 + i % 3; changes > 0; --changes) {
      bad[random() % bad.size()] =
          i % 2 == 0 ? static_cast<std::byte>(random())
                     : static_cast<std::byte>("0123456789[]{},:\""[random() % 17]);
    }
    test::put_file(path_, bad);
    try {
      load_safetensors(path_);
    } catch (const FileError&) {
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    test::put_file(path_, std::span(good).first(size));
    EXPECT_THROW(load_safetensors(path_), FileError) << size;
  }
}

}  // namespace
}  // namespace voxgrad
