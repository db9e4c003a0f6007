#pragma once

namespace portcullis {

/// Keeps this process out of core files, which would hold keys and whatever callers have sent: none of a size, and
/// none of its memory in one that a program takes from the kernel (core(5), core_pattern). What the system refuses
/// is left as it is: a core file is no reason not to serve.
void leave_no_core_dumps() noexcept;

} // namespace portcullis
