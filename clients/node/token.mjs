// The form of a session's token: `pcs_`, 43 base62 digits of 256 bits, and 6 of the CRC-32 of all before.
const FORM = /^pcs_[0-9A-Za-z]{49}$/;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LARGEST = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"; // 2^256 - 1
const CHECKED = 47; // characters before the checksum

const CRC_OF = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function checksumOf(text) {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; ++i) crc = CRC_OF[(crc ^ text.charCodeAt(i)) & 0xff] ^ (crc >>> 8);
  let rest = ~crc >>> 0;
  let digits = "";
  for (let i = 0; i < 6; ++i) {
    digits = DIGITS[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

// Whether it can be a session's token, by its form and its checksum: what is none is not asked for.
export function isToken(text) {
  return FORM.test(text) && text.slice(4, CHECKED) <= LARGEST && text.slice(CHECKED) === checksumOf(text.slice(0, CHECKED));
}
