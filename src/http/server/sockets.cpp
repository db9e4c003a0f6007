#include "http/server/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace portcullis::http {

std::ptrdiff_t sockets::send(std::int64_t descriptor, const char* data, std::size_t size) noexcept {
  auto taken = ::send(static_cast<int>(descriptor), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (taken >= 0)
    return taken;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

void sockets::shut_down(std::int64_t descriptor, bool both) noexcept {
  ::shutdown(static_cast<int>(descriptor), both ? SHUT_RDWR : SHUT_WR);
}

std::string sockets::peer_address(std::int64_t descriptor) {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  if (::getpeername(static_cast<int>(descriptor), reinterpret_cast<sockaddr*>(&from), &size) != 0)
    return {};
  int family = from.ss_family;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from).sin6_addr;
  const void* address = &v6;
  if (family == AF_INET)
    address = &reinterpret_cast<const sockaddr_in&>(from).sin_addr;
  else if (IN6_IS_ADDR_V4MAPPED(&v6)) { // of a client over IPv4 of a socket for both
    family = AF_INET;
    address = &v6.s6_addr[12];
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, address, text.data(), text.size()) != nullptr ? text.data() : std::string{};
}

void sockets::set_write_timeout(std::int64_t descriptor, std::int64_t milliseconds) noexcept {
  auto ms = static_cast<unsigned>(milliseconds);
  ::setsockopt(static_cast<int>(descriptor), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

} // namespace portcullis::http
