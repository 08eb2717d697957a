# Running suites, and telling at the end how long each took beside its budget. Sourced by .ci/run and .ci/nightly.
# A budget is what a suite may take on two quiet cores. A busy machine may pass it, so that fails nothing; a hang does.

readonly hang=6  # budgets

names=() budgets=() results=() durations=()

# suite NAME MINUTES COMMAND...: plans a suite. Nothing runs before run_suites. This is the one place of its budget.
suite() {
  names+=("$1") budgets+=("$2") results+=('not run') durations+=(0)
  printf -v "command_$((${#names[@]} - 1))" '%q ' "${@:3}"
}

# run_suites stop|go_on: runs what is planned. A suite that fails stops the others, or does not.
run_suites() {
  local after_failure=$1 failed=0 number
  trap print_table EXIT
  for number in "${!names[@]}"; do
    run_suite "$number" && continue
    failed=1
    [[ $after_failure == go_on ]] || break
  done
  return "$failed"
}

run_suite() {
  local number=$1 status=0 started=$SECONDS command="command_$1"
  echo "== ${names[number]} (budget: ${budgets[number]} minutes)"
  results[number]='broken off'
  eval "timeout --kill-after=30 $((budgets[number] * hang))m ${!command}" || status=$?
  durations[number]=$((SECONDS - started))
  case $status in
    0) results[number]=$( ((durations[number] > budgets[number] * 60)) && echo 'passed, over its budget' || echo 'passed') ;;
    124 | 137) results[number]='hung' ;;
    *) results[number]="failed ($status)" ;;
  esac
  return "$status"
}

print_table() {
  local number budget=0 seconds=0
  printf '\n%-36s %8s %8s  %s\n' suite seconds budget result
  for number in "${!names[@]}"; do
    printf '%-36s %8d %6d m  %s\n' "${names[number]}" "${durations[number]}" "${budgets[number]}" "${results[number]}"
    budget=$((budget + budgets[number])) seconds=$((seconds + durations[number]))
  done
  printf '%-36s %8d %6d m\n' 'all of them' "$seconds" "$budget"
}
