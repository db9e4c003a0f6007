// The clock of leases: milliseconds that nobody sets, and that go on while the machine sleeps.
import { uptime } from "node:os";

const LOOK_MS = 100; // between two looks at os.uptime(), which reads a file
const NOISE_MS = 100; // os.uptime() is in hundredths of a second

// performance.now() stands still while the machine sleeps, os.uptime() does not: what this falls behind by is added. After a
// sleep it can be up to LOOK_MS before that is seen.
export function bootClock({ awake = () => performance.now(), uptimeS = uptime } = {}) {
  const began = uptimeS() * 1000 - awake();
  let slept = 0;
  let looked = awake();
  return () => {
    const now = awake();
    if (now - looked >= LOOK_MS) {
      looked = now;
      const behind = uptimeS() * 1000 - now - began;
      if (behind > slept + NOISE_MS) slept = behind;
    }
    return now + slept;
  };
}
