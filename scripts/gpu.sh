#!/usr/bin/env bash
# Everything that is to be known of the CUDA backend on the GPU of this machine, without Node: builds it for that GPU in a folder of its
# own, runs the tests of its kernels, the goldens, the benchmarks, and the kernels' tests once more under compute-sanitizer; prints a table
# at the end. docs/internals/gpu.md says what to bring and how to read it.
# usage: gpu.sh [--emulated] [folder for results]    ($OUT, or build/gpu-results; what an earlier run left there is removed)
#   --emulated             on the GPU that is computed, little of each: to try this script
#   QUERN_GPU_CODE         compute capability to compile for, as nvcc spells it: what nvidia-smi says
#   QUERN_GPU_BUILD        build folder (build/gpu)
#   QUERN_GPU_SECONDS      after which nothing is begun, and what runs is ended (280)
#   QUERN_GOLDENS          the goldens that scripts/gpu-cases.mjs wrote (build/gpu-cases)
set -uo pipefail # without -e: what fails is noted, and the rest is run

usage() { echo "usage: gpu.sh [--emulated] [folder for results]"; }
refuse() { echo "gpu.sh: $1" >&2; usage >&2; exit 2; }

emulated= folders=()
while [ $# -gt 0 ]; do
  case $1 in
    --emulated) emulated=1 ;;
    -h | --help) usage; exit 0 ;;
    --) shift; folders+=("$@"); break ;;
    -*) refuse "expected --emulated or a folder, got $1" ;;
    *) folders+=("$1") ;;
  esac
  shift
done
[ ${#folders[@]} -le 1 ] || refuse "expected one folder for results, got ${#folders[@]}: ${folders[*]}"
results=${folders[0]-${OUT:-build/gpu-results}}
[ -n "$results" ] || refuse "expected a folder for results, got an empty name"
most_seconds=${QUERN_GPU_SECONDS:-280}
[[ $most_seconds =~ ^[0-9]+$ ]] || refuse "expected whole seconds in QUERN_GPU_SECONDS, got $most_seconds"

cd "$(dirname "$0")/.." || exit 2
build=${QUERN_GPU_BUILD:-build/gpu}
cores=$(nproc)
mkdir -p -- "$results" "$build" || refuse "the folders for results and for the build cannot be made"
results=$(cd -- "$results" && pwd) && [ -n "$results" ] && [ -w "$results" ] || refuse "the folder for results cannot be written to"
rm -f -- "$results"/*.log "$results"/*.jsonl "$results"/results.json
export QUERN_GOLDENS=${QUERN_GOLDENS:-$PWD/build/gpu-cases}
export CUDA_DEVICE_ORDER=PCI_BUS_ID  # as nvidia-smi counts: else CUDA's first GPU is the fastest

table=()     # its lines
failed=0     # parts
left() { echo $((most_seconds - SECONDS)); }
field() { tr -d '\\"' <<<"$1" | tr -c '[:print:]' ' ' | sed 's/ *$//'; }

# note NAME ok|FAILED|left-out SECONDS WHAT: a line of the table, and of parts.jsonl.
note() {
  table+=("$(printf '%-34s %-8s %6s s  %s' "$1" "$2" "$3" "$4")")
  [ "$2" != FAILED ] || failed=$((failed + 1))
  printf '{"part": "%s", "outcome": "%s", "seconds": %s, "about": "%s"}\n' "$1" "$2" "${3/-/null}" "$(field "$4")" >>"$results/parts.jsonl"
  echo "${table[-1]}"
}

# part NAME MOST-SECONDS COMMAND...: runs it with what it prints in NAME.log. The last line that says something is its result.
part() {
  local name=$1 most=$2 began rc took outcome=ok about
  shift 2
  if [ "$(left)" -lt 3 ]; then note "$name" FAILED 0 "left out: no time is left"; return 1; fi
  [ "$most" -le "$(left)" ] || most=$(left)
  began=$(date +%s.%N)
  timeout --kill-after=5 "$most" "$@" >"$results/$name.log" 2>&1 </dev/null
  rc=$?
  took=$(printf '%.1f' "$(echo "$(date +%s.%N) $began" | awk '{ print $1 - $2 }')")
  about=$(grep -v '^[[:space:]]*$' "$results/$name.log" | tail -1 | cut -c1-120)
  [ $rc = 0 ] || outcome=FAILED
  [ $rc != 124 ] && [ $rc != 137 ] || about="ended after $most s: $about"
  note "$name" $outcome "$took" "$about"
  [ $rc = 0 ] || tail -20 "$results/$name.log" | cut -c1-200 | sed 's/^/    | /'
  return $rc
}

# ---- the machine
driver=none gpu="the computed GPU" code=80
if [ -z "$emulated" ]; then
  gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -1)
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -1)
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1)
  [ -n "$gpu" ] || { echo "nvidia-smi finds no GPU; --emulated runs on the computed one" >&2; exit 2; }
  code=${capability/./}
  [ "$code" != 90 ] || code=90a
fi
code=${QUERN_GPU_CODE:-$code}
echo "$gpu, driver $driver, code for sm_$code, $cores cores, $(nvcc --version 2>/dev/null | grep -o 'release [0-9.]*' || echo 'no nvcc')"

# ---- the tests of kernels, but those of the computed GPU itself
programs=()
for source in $(find test/native/backend/cuda test/native/emulator/instructions_test.cc -name '*_test.cc' | sort); do
  grep -qE '#include "emulator/|QUERN_EMULATOR' "$source" && continue
  name=${source#test/native/} name=${name%_test.cc}
  programs+=("${name//\//.}")
done

# ---- the build; what cannot be built is missed below, by name
ptx= kind=gpu tests=(gpu_tests) library=quern_cuda bench=bench.cuda
if [ -n "$emulated" ]; then
  ptx=$code kind=test tests=("${programs[@]/#/test.}") library=quern_cuda_emulated bench=bench.cuda_emulated
fi
generator=() keep_going=-k
if command -v ninja >/dev/null && [ ! -f "$build/Makefile" ]; then generator=(-G Ninja) keep_going=-k0; fi
part configure 60 cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DQUERN_CUDA_ARCHITECTURES="$code" -DQUERN_CUDA_PTX="$ptx"
part build 240 cmake --build "$build" --parallel "$cores" --target $library "${tests[@]}" test.goldens $bench -- $keep_going

# ---- operations; what the GPU gave is kept: instructions.txt is to be committed as test/native/emulator/instructions.txt
export QUERN_RESULTS="$results/tests.jsonl" QUERN_BITS_WRITE="$results/bits.txt" QUERN_INSTRUCTIONS_WRITE="$results/instructions.txt"
for name in "${programs[@]}"; do
  if [ -x "$build/$kind.$name" ]; then part "$name" 60 "$build/$kind.$name"; else note "$name" FAILED 0 "was not built"; fi
done
unset QUERN_BITS_WRITE QUERN_INSTRUCTIONS_WRITE

# ---- whole models
export QUERN_RESULTS="$results/goldens.jsonl"
device=$(ls "$build/lib$library.so" "$build/$library.so" 2>/dev/null | head -1)
if [ -n "$emulated" ]; then export QUERN_GOLDEN_CASES=qwen3-tied,qwen2 QUERN_GOLDEN_PROMPT=1; fi
goldens() {
  [ -d "$QUERN_GOLDENS" ] || { echo "absent: $QUERN_GOLDENS, which scripts/gpu-cases.mjs writes"; return 1; }
  [ -n "$device" ] || { echo "the library was not built"; return 1; }
  QUERN_TEST_DEVICE=$(realpath "$device") "$build/test.goldens"
}
export -f goldens
export QUERN_GOLDENS build device
part goldens 150 bash -c goldens

# ---- speed
unset QUERN_RESULTS
little=
[ -z "$emulated" ] || little=--tiny
part bench 150 "$build/$bench" --json "$results/bench.jsonl" --seconds 100 $little

# ---- the operations again, watched; several at a time
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
if [ -n "$emulated" ] || [ -z "$sanitizer" ]; then
  note compute-sanitizer left-out 0 "it is not here"
else
  watch_began=$SECONDS
  watch() { # TOOL NAME: prints nothing, leaves its log and its exit status
    timeout --kill-after=5 "$most" "$sanitizer" --tool "$1" --error-exitcode 97 "$build/gpu.$2" >"$results/$1.$2.log" 2>&1 </dev/null
    echo $? >"$results/$1.$2.rc"
  }
  export -f watch
  export sanitizer build results most=$(($(left) > 90 ? 90 : $(left)))
  wanted=()
  for name in "${programs[@]}"; do
    [ -x "$build/gpu.$name" ] || continue
    wanted+=("memcheck $name" "racecheck $name")
  done
  if [ "$most" -gt 10 ]; then printf '%s\n' "${wanted[@]}" | sort | xargs -P 4 -L 1 bash -c 'watch "$0" "$1"'; fi
  for one in "${wanted[@]}"; do
    read -r tool name <<<"$one"
    rc=$(cat "$results/$tool.$name.rc" 2>/dev/null || echo none)
    about=$(grep -E 'ERROR SUMMARY|RACECHECK SUMMARY' "$results/$tool.$name.log" 2>/dev/null | tail -1 | sed 's/^=* *//')
    case $rc in
      0) note "$tool $name" ok - "$about" ;;
      124 | 137 | none) note "$tool $name" left-out - "took too long" ;;
      *) note "$tool $name" FAILED - "$about"; grep -A6 '=========' "$results/$tool.$name.log" | head -30 | sed 's/^/    | /' ;;
    esac
    rm -f "$results/$tool.$name.rc"
  done
  note compute-sanitizer ok $((SECONDS - watch_began)) "all of it"
fi

# ---- JSON
lines() { # the objects of a file as an array
  printf '['
  [ ! -f "$results/$1.jsonl" ] || paste -sd, "$results/$1.jsonl" | tr -d '\n'
  printf ']'
}
{
  printf '{\n"device": "%s",\n"driver": "%s",\n"code": "sm_%s",\n"date": "%s",\n' "$(field "$gpu")" "$driver" "$code" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  printf '"cores": %s,\n"seconds": %s,\n"failed": %s' "$cores" "$SECONDS" "$failed"
  for of in parts tests goldens bench; do printf ',\n"%s": %s' "$of" "$(lines $of)"; done
  printf '\n}\n'
} >"$results/results.json"

# ---- what there is to see
printf '\n\n%s, driver %s, sm_%s: %s s, %s failed; all of it in %s\n\n' "$gpu" "$driver" "$code" "$SECONDS" "$failed" "$results"
printf '%s\n' "${table[@]}"
[ ! -f "$results/goldens.log" ] || { echo; grep -E 'of the tolerance' "$results/goldens.log" | awk '{ n[$2]++; if ($3 > most[$2]) most[$2] = $3 } END { for (p in n) printf "goldens, %s: %d cases, at most %s of the tolerance\n", p, n[p], most[p] }'; }
[ ! -f "$results/tests.jsonl" ] || { echo; awk -F'"' '/"bits":/ { n++; differs = /"agrees": false/; must = /"must": true/; if (differs && must) bad = bad " " $4; if (differs && !must) near++ }
  END { printf "bits: %d results, of those with exponentials %d are other than the computed GPU gives%s\n", n, near, bad ? "; WRONG:" bad : ", all others are the same" }' "$results/tests.jsonl"; }
[ ! -f "$results/bench.log" ] || { echo; cat "$results/bench.log"; }
[ "$failed" = 0 ]
