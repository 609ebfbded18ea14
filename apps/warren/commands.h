// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "command.h"

namespace warren::cli {

/// Each adds its command to the program, in a file of its own below commands/.
void register_add(const Command& program, Context& context);
void register_audit(const Command& program, Context& context);
void register_adopt(const Command& program, Context& context);
void register_apply(const Command& program, Context& context);
void register_backup(const Command& program, Context& context);
void register_check(const Command& program, Context& context);
void register_completion(const Command& program, Context& context);
void register_dev(const Command& program, Context& context);
void register_doctor(const Command& program, Context& context);
void register_down(const Command& program, Context& context);
void register_events(const Command& program, Context& context);
void register_exec(const Command& program, Context& context);
void register_explain(const Command& program, Context& context);
void register_export(const Command& program, Context& context);
void register_id(const Command& program, Context& context);
void register_identify(const Command& program, Context& context);
void register_ls(const Command& program, Context& context);
void register_map(const Command& program, Context& context);
void register_member(const Command& program, Context& context);
void register_monitor(const Command& program, Context& context);
void register_pids(const Command& program, Context& context);
void register_plan(const Command& program, Context& context);
void register_port(const Command& program, Context& context);
void register_restore(const Command& program, Context& context);
void register_rm(const Command& program, Context& context);
void register_run(const Command& program, Context& context);
void register_shell(const Command& program, Context& context);
void register_service(const Command& program, Context& context);
void register_show(const Command& program, Context& context);
void register_up(const Command& program, Context& context);
void register_version(const Command& program, Context& context);

}  // namespace warren::cli
