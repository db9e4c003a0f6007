#include "net/listener.hpp"

#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

namespace portcullis {

namespace {

constexpr int backlog = 4096; // the kernel lowers it to net.core.somaxconn

using address_list = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

std::uint16_t bound_port(int fd) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

/// A listening socket on `address`, or -1 with errno set.
int try_listen(const addrinfo& address, port_sharing sharing) noexcept {
  int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  int on = 1;
  int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sharing == port_sharing::on)
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.ai_family == AF_INET6)
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, backlog) == 0)
    return fd;
  int cause = errno;
  ::close(fd);
  errno = cause;
  return -1;
}

} // namespace

failure listen_on(const std::string& host, std::uint16_t port, listener* out, port_sharing sharing) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  auto service = std::to_string(port);
  auto shown = host + ":" + service;
  int rc = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &found);
  if (rc != 0)
    return {errc::value_unacceptable, "cannot listen on " + shown + ": " + ::gai_strerror(rc)};
  address_list addresses{found, &::freeaddrinfo};
  // IPv6 first: with no host it takes IPv4 as well. A machine without IPv6 falls back to IPv4.
  int cause = EADDRNOTAVAIL;
  for (int family : {AF_INET6, AF_INET}) {
    for (auto* address = addresses.get(); address != nullptr; address = address->ai_next) {
      if (address->ai_family != family)
        continue;
      int fd = try_listen(*address, sharing);
      if (fd >= 0) {
        *out = {fd, bound_port(fd)};
        return {};
      }
      cause = errno;
    }
  }
  return {errc::value_unacceptable, "cannot listen on " + shown + ": " + std::generic_category().message(cause)};
}

void drop_new_connections(int descriptor) noexcept {
  // Looks at the TCP header, where byte 13 holds the flags, SYN among them: those are dropped, the rest is let
  // pass.
  constexpr unsigned flags_at = 13;
  constexpr unsigned syn = 0x02;
  std::array<sock_filter, 4> program{{
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_at),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, syn, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
  }};
  const sock_fprog filter{program.size(), program.data()};
  ::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

int accept_waiting(int descriptor) noexcept {
  for (;;) {
    const int connected = ::accept4(descriptor, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connected >= 0 || (errno != EINTR && errno != ECONNABORTED))
      return connected;
  }
}

std::size_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

bool has_spare_descriptor() noexcept {
  int spare = ::eventfd(0, EFD_CLOEXEC);
  if (spare < 0)
    return false;
  ::close(spare);
  return true;
}

} // namespace portcullis
