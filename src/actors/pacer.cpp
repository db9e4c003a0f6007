#include "actors/pacer.hpp"

#include <caf/io/typed_broker.hpp>
#include <caf/send.hpp>

namespace portcullis {

pacer_actor::behavior_type pacer(pacer_actor::broker_pointer, const paced_actor& whom) {
  return {
    [whom](work_atom) { caf::anon_send(whom, work_atom_v); },
  };
}

} // namespace portcullis
