// Reading PTX: scopes, labels, lines, declarations; and what is refused, with the words that say why.
#include "emulator/ptx.h"

#include "ptx_kernel.h"

using namespace ptx_kernel;

namespace {

std::string refused(const std::string& text) {
  try {
    load_module(text);
    return "nothing";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST(declarations) {
  const auto text =
      ptx::parse(module_of("// a comment\n.visible .const .align 4 .b8 table[8] = {1, 2, 3, 4, 5, 6, 7, "
                           "0xff}; /* another\n */\n.extern .shared .align 16 .b8 dynamic[];\n"
                           ".weak .entry k(.param .u64 .ptr .global .align 16 a, .param .align 8 .b8 b[24], "
                           ".param .f32 c)\n.maxntid 128, 2, 1\n.minnctapersm 2\n{ ret; }\n"
                           ".func (.param .b32 r) f(.param .b64 x);\n.section .debug_str { .b8 1, 2; }\n"));
  CHECK_EQ(text->variables.size(), 2u);
  CHECK_EQ(text->variables[0].initial.size(), 8u);
  CHECK_EQ(text->variables[0].initial[7].value, 255u);
  CHECK(text->variables[1].is_extern && text->variables[1].alignment == 16);
  CHECK_EQ(text->functions.size(), 2u);
  const ptx::Function& k = *text->functions[0];
  CHECK_EQ(k.parameters, 3u);
  CHECK_EQ(k.variables[0].alignment, 8u);
  CHECK_EQ(k.variables[1].bytes, 24u);
  CHECK_EQ(k.max_threads, 256u);
  CHECK(text->functions[1]->is_declaration);

  const auto module = load_module(text->source);
  const KernelTraits traits = traits_of(*find_kernel(*module, "k"));
  CHECK_EQ(traits.parameter_bytes, 36u);
  CHECK_EQ(traits.parameter_offsets[2], 32u);
  CHECK_EQ(traits.max_threads, 256);
  CHECK(!find_kernel(*module, "f"));
}

TEST(blocks_have_names_of_their_own) {
  // The register r and the label L are another in each block, as where inline assembly is used twice.
  const std::string block =
      "{ .reg .u32 r; .reg .pred p; mov.u32 r, 0; L: add.u32 r, r, 1; setp.lt.u32 p, r, %x0; @p bra L; "
      "add.u32 %y, %y, r; }\n";
  check_against<uint32_t>(
      ".reg .u32 r; mov.u32 r, 1000; mov.u32 %y, 0;\n" + block + block + "add.u32 %y, %y, r;",
      [](uint32_t x) { return 1000 + 2 * x; }, std::vector<uint32_t>{1, 2, 5, 9});
  check_against<uint32_t>(
      "{ .reg.b32 a, b<3>; mov.b32 b2, 0x10U; mov.b32 a, -1; add.u32 %y, b2, a; }",
      [](uint32_t) { return 15u; }, std::vector<uint32_t>{0});
}

TEST(numbers) {
  const auto value = [](const std::string& number, const std::string& type) {
    return compute<uint32_t>("mov." + type + " %y, " + number + ";", std::vector<uint32_t>{0})[0];
  };
  CHECK_EQ(value("10", "u32"), 10u);
  CHECK_EQ(value("-10", "s32"), static_cast<uint32_t>(-10));
  CHECK_EQ(value("0x1f", "u32"), 31u);
  CHECK_EQ(value("017", "u32"), 15u);
  CHECK_EQ(value("0b101", "u32"), 5u);
  CHECK_EQ(value("0f3F800000", "f32"), 0x3f800000u);
  CHECK_EQ(value("1.5", "f32"), 0x3fc00000u);
  CHECK_EQ(compute<uint64_t>("mov.f64 %y, 0d3FF8000000000000;", std::vector<uint32_t>{0})[0],
           0x3ff8000000000000u);
}

TEST(places) {
  const auto text = ptx::parse(
      module_of(".entry k() {\n.loc 1 12 3\nmov.u32 %a, 0;\n.loc 2 99 1, function_name $L__info, inlined_at "
                "1 12 3\nmov.u32 %a, 1;\n"
                ".loc 3 7 1, function_name $L__info+4, inlined_at 1 12 3\nmov.u32 %a, 2;\nret;\n}\n"
                ".file 1 \"/somewhere/kernel.cu\", 100, 200\n.file 2 \"/usr/include/cuda_bf16.hpp\"\n.file 3 "
                "\"rows.cuh\"\n"));
  const auto& code = text->functions[0]->code;
  CHECK_EQ(text->describe(code[0].place), "kernel.cu:12");
  CHECK_EQ(text->describe(code[1].place), "kernel.cu:12");
  CHECK_EQ(text->describe(code[2].place), "rows.cuh:7 in kernel.cu:12");
}

TEST(what_cannot_be_read_is_quoted) {
  CHECK(has(refused(".version 8.0\n.nonsense x\n"), ".nonsense"));
  const std::string found = refused(module_of(".entry k() {\n.reg .b32 %a;\nmov.u32 %a 5;\n}\n"));
  CHECK_FOR(has(found, "PTX line 6") && has(found, "mov.u32 %a 5"), found);
  CHECK(has(refused(module_of(".entry k() { bra NOWHERE; }")), "no label NOWHERE"));
}

TEST(what_is_not_known_fails_the_launch_of_its_kernel) {
  const auto run_body = [](const std::string& body) {
    return launch(module_of(".entry other() { frobnicate.b32; ret; }\n.entry k(.param .u64 p) {\n.reg .b32 "
                            "%a, %b; .reg .b64 %d; .reg .b16 %h;\n" +
                            body + "\nret;\n}\n"),
                  {{1}, {32}, 0}, {0});
  };
  CHECK_EQ(run_body("mov.u32 %a, 1;"), "");  // the other kernel is not run
  const auto quoted = [&](const std::string& body) {
    const std::string found = run_body(body);
    CHECK_FOR(found.starts_with("unsupported: '") && has(found, body.substr(0, body.size() - 1)),
              body + " gives " + found);
  };
  quoted("frobnicate.b32 %a, %b;");
  quoted("add.wild.u32 %a, %a, %b;");
  quoted("add.u32 %a, %a, %d;");
  quoted("mov.u32 %a, %nothing;");
  quoted("mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%a}, {%a}, {%a}, {%a};");
  quoted("cvt.rn.f16.f32 %h, %d;");
  quoted("add.u32 %a, %b;");
}
