// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <CLI/CLI.hpp>

#include "context.h"

namespace warren::cli {

/// Each adds its command to the program, in a file of its own below commands/.
void register_add(CLI::App& app, Context& context);
void register_audit(CLI::App& app, Context& context);
void register_adopt(CLI::App& app, Context& context);
void register_apply(CLI::App& app, Context& context);
void register_check(CLI::App& app, Context& context);
void register_completion(CLI::App& app, Context& context);
void register_doctor(CLI::App& app, Context& context);
void register_down(CLI::App& app, Context& context);
void register_events(CLI::App& app, Context& context);
void register_exec(CLI::App& app, Context& context);
void register_explain(CLI::App& app, Context& context);
void register_export(CLI::App& app, Context& context);
void register_identify(CLI::App& app, Context& context);
void register_ls(CLI::App& app, Context& context);
void register_member(CLI::App& app, Context& context);
void register_monitor(CLI::App& app, Context& context);
void register_pids(CLI::App& app, Context& context);
void register_plan(CLI::App& app, Context& context);
void register_port(CLI::App& app, Context& context);
void register_rm(CLI::App& app, Context& context);
void register_shell(CLI::App& app, Context& context);
void register_service(CLI::App& app, Context& context);
void register_show(CLI::App& app, Context& context);
void register_up(CLI::App& app, Context& context);
void register_version(CLI::App& app, Context& context);

/// Makes `run` the command when `command` is on the command line. Arguments live as long as the program.
template <class Args>
void on(CLI::App* command, Context& context, std::shared_ptr<Args> args,
        Result<int> (*run)(const Args&, Context&)) {
  command->callback([=, &context] { context.command = [=, &context] { return run(*args, context); }; });
}

}  // namespace warren::cli
