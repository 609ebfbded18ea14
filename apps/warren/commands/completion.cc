// SPDX-License-Identifier: GPL-2.0-or-later
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "commands.h"
#include "output.h"
#include "store/spaces.h"

namespace warren::cli::completion_command {
namespace {

struct Args {
  std::string what = "bash";
  std::string prefix;
  CLI::App* program = nullptr;
};

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    words += command->get_name() + " ";
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) words += "--" + name + " ";
  return words;
}

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// The words after a command come from the program itself, so they cannot go stale.
std::string bash_script(const CLI::App& app) {
  std::string cases, nested;
  for (const auto* command : subcommands(app)) {
    const auto& name = command->get_name();
    for (const auto* inner : subcommands(*command))
      cases += fmt::format("    '{} {}') words=\"{}\" ;;\n", name, inner->get_name(), words_of(*inner));
    if (!subcommands(*command).empty()) nested += fmt::format("{}|", name);
    cases += fmt::format("    '{0}'|'{0} '*) words=\"{1}\" ;;\n", name, words_of(*command));
  }
  nested.pop_back();
  return fmt::format(R"bash(# bash completion for warren: eval "$(warren completion bash)"
_warren_owners() {{ warren id ls 2>/dev/null | sed -n '2,$s/ .*//p'; }}
_warren() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command= value= word words
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    if [[ $value ]]; then value=; continue; fi
    case $word in
      {}) value=1 ;;
      -*) ;;
      *) if [[ $command ]]; then command+=" $word"; break; fi
         command=$word
         case $command in {}) ;; *) break ;; esac ;;
    esac
  done
  case ${{COMP_WORDS[COMP_CWORD-1]}} in
    -o|--output) COMPREPLY=($(compgen -W "text json" -- "$current")); return ;;
    --owner) COMPREPLY=($(compgen -W "$(_warren_owners)" -- "$current")); return ;;
    -u|--user|--member) COMPREPLY=($(compgen -u -- "$current")); return ;;
    --config|--path|--rootfs|--bind) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --mode) words="nat proxy"
      case $command in dev*) words="bridge private vepa l2 l3 l3s" ;; esac
      COMPREPLY=($(compgen -W "$words" -- "$current")); return ;;
    --type) COMPREPLY=($(compgen -W "veth macvlan ipvlan vlan physical" -- "$current")); return ;;
    --parent) COMPREPLY=($(compgen -W "$(ls /sys/class/net)" -- "$current")); return ;;
    --proxy-protocol) COMPREPLY=($(compgen -W "v1 v2" -- "$current")); return ;;
    --by) COMPREPLY=($(compgen -W "unit user" -- "$current")); return ;;
  esac
  case $command in
{}    *) words="{}" ;;
  esac
  case $command in
    show|exec|shell|run|rm|up|down|pids|plan|explain|adopt|port*|dev*|member*|'service add'|'map assign'|'id allocate')
      words+=" $(warren completion names "$current" 2>/dev/null)" ;;
    id*|'map split') words+=" $(_warren_owners)" ;;
    'service rm') words+=" $(warren service ls 2>/dev/null | sed -n '2,$s/ .*//p')" ;;
    apply|backup|restore) [[ $current == -* ]] || {{ COMPREPLY=($(compgen -f -- "$current")); return; }} ;;
  esac
  [[ $command != map\ [sear]* ]] || words+=" default $(warren map ls 2>/dev/null | sed -n '2,$s/ .*//p')"
  [[ $command != 'id allocate' ]] || words+=" $(compgen -u)"
  [[ $command != member\ [ar]* ]] || words+=" $(compgen -u) $(compgen -g -P @)"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _warren warren
)bash",
                     fmt::format("{}", fmt::join(options_with_value(app), "|")), nested, cases,
                     words_of(app));
}

/// What the script asks for at each <TAB>: it costs what there is to say, not what the host has.
Result<int> print_names(const std::string& prefix, const Context& context) {
  auto store = TRY(context.reader());
  for (const auto& name : TRY(store.spaces().names(prefix))) say(name.str());
  return kExitOk;
}

Result<int> run(const Args& args, Context& context) {
  if (args.what == "names") return print_names(args.prefix, context);
  if (args.what != "bash" || !args.prefix.empty())
    return fail(Code::usage, fmt::format("completion: '{}' is not known: write bash, or names [PREFIX]",
                                         shown(args.what != "bash" ? args.what : args.prefix)));
  print(bash_script(*args.program));
  return kExitOk;
}

}  // namespace

void register_completion(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  args->program = &program.app();
  const auto command = program.add_subcommand("completion", "Print the completion script of a shell");
  command.add_option("what", args->what, "bash: the script; names: those of spaces, as the script asks");
  command.add_option("prefix", args->prefix, "What the names are to begin with");
  command.footer("Example:\n  eval \"$(warren completion bash)\"");
  on(command, context, args, run);
}

}  // namespace warren::cli::completion_command
