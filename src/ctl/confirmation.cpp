#include "ctl/confirmation.hpp"

#include <unistd.h>

#include <iostream>
#include <string>

namespace portcullis::ctl {

bool is_confirmed(const context& with, std::string_view question) {
  if (with.given().is_confirmed)
    return true;
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
    complain("nobody is there to confirm it: say --yes");
    return false;
  }
  std::cerr << question << " [y/N] " << std::flush;
  std::string said;
  std::getline(std::cin, said);
  if (said == "y" || said == "Y" || said == "yes")
    return true;
  complain("nothing was done");
  return false;
}

} // namespace portcullis::ctl
