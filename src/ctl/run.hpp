#pragma once

namespace portcullis::ctl {

/// `portcullis ctl …`; the arguments begin with `ctl`. Returns the process's exit code (see `exit_code`).
int run(int argument_count, const char* const* arguments);

} // namespace portcullis::ctl
