// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "command.h"

namespace warren::cli {

// Each adds its command to the program, in a file of its own below commands/. The file has a namespace of its
// own too, so that several can be compiled as one.
namespace add_command {
void register_add(const Command& program, Context& context);
}
namespace audit_command {
void register_audit(const Command& program, Context& context);
}
namespace adopt_command {
void register_adopt(const Command& program, Context& context);
}
namespace apply_command {
void register_apply(const Command& program, Context& context);
}
namespace backup_command {
void register_backup(const Command& program, Context& context);
}
namespace check_command {
void register_check(const Command& program, Context& context);
}
namespace completion_command {
void register_completion(const Command& program, Context& context);
}
namespace dev_command {
void register_dev(const Command& program, Context& context);
}
namespace doctor_command {
void register_doctor(const Command& program, Context& context);
}
namespace down_command {
void register_down(const Command& program, Context& context);
}
namespace events_command {
void register_events(const Command& program, Context& context);
}
namespace exec_command {
void register_exec(const Command& program, Context& context);
void register_shell(const Command& program, Context& context);
}  // namespace exec_command
namespace explain_command {
void register_explain(const Command& program, Context& context);
}
namespace export_command {
void register_export(const Command& program, Context& context);
}
namespace id_command {
void register_id(const Command& program, Context& context);
}
namespace identify_command {
void register_identify(const Command& program, Context& context);
}
namespace ls_command {
void register_ls(const Command& program, Context& context);
}
namespace map_command {
void register_map(const Command& program, Context& context);
}
namespace member_command {
void register_member(const Command& program, Context& context);
}
namespace monitor_command {
void register_monitor(const Command& program, Context& context);
}
namespace pids_command {
void register_pids(const Command& program, Context& context);
}
namespace plan_command {
void register_plan(const Command& program, Context& context);
}
namespace port_command {
void register_port(const Command& program, Context& context);
}
namespace restore_command {
void register_restore(const Command& program, Context& context);
}
namespace rm_command {
void register_rm(const Command& program, Context& context);
}
namespace run_command {
void register_run(const Command& program, Context& context);
}
namespace service_command {
void register_service(const Command& program, Context& context);
}
namespace show_command {
void register_show(const Command& program, Context& context);
}
namespace up_command {
void register_up(const Command& program, Context& context);
}
namespace version_command {
void register_version(const Command& program, Context& context);
}

}  // namespace warren::cli
