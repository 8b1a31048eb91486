const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const label = '[a-zA-Z0-9]([a-zA-Z0-9-]{0,29}[a-zA-Z0-9])?';
const time = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])';
const longMonths = '(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])';
const shortMonths = '(0[469]|11)-(0[1-9]|[12][0-9]|30)';
const february = '02-(0[1-9]|1[0-9]|2[0-8])';
const leapYear = '([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)';
const date = `([0-9]{4}-(${longMonths}|${shortMonths}|${february})|${leapYear}-02-29)`;
const count = '(0|[1-9][0-9]{0,5})';
const clock = `(${count}H(${count}M(${count}S)?)?|${count}M(${count}S)?|${count}S)`;
const hexGroup = '[0-9a-f]{1,4}';
const percent = '%[0-9A-Fa-f][0-9A-Fa-f]';

/**
 * The formats of strings, each as a pattern. Where the format itself allows more, the pattern is a part of it, so that what
 * a model writes is always valid: an e-mail address has no quotes, an IPv6 address no dotted end, an URI a host.
 */
export const stringFormats: Readonly<Record<string, string>> = {
  date: `^${date}$`,
  time: `^${time}$`,
  'date-time': `^${date}T${time}$`,
  duration: `^P(${count}W|T${clock}|(${count}Y(${count}M(${count}D)?)?|${count}M(${count}D)?|${count}D)(T${clock})?)$`,
  uuid: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
  email: `^[a-zA-Z0-9_+-]+(\\.[a-zA-Z0-9_+-]+)*@(${label}\\.)+[a-zA-Z]{2,24}$`,
  hostname: `^${label}(\\.${label}){0,2}$`,
  ipv4: `^${octet}(\\.${octet}){3}$`,
  ipv6: `^(${hexGroup}:){7}${hexGroup}$`,
  uri: `^[a-z][a-z0-9+.-]{0,20}://${label}(\\.${label})*(:[1-9][0-9]{0,3})?(/([a-zA-Z0-9._~!$&'()*+,;=:@-]|${percent})*)*(\\?([a-zA-Z0-9._~!$&'()*+,;=:@/?-]|${percent})*)?(#([a-zA-Z0-9._~!$&'()*+,;=:@/?-]|${percent})*)?$`,
};

/** The formats of numbers that other tools write, each with its bounds; `null` = none beyond being a number. */
export const numberFormats: Readonly<Record<string, { readonly min: number; readonly max: number } | null>> = {
  int8: { min: -128, max: 127 },
  uint8: { min: 0, max: 255 },
  int16: { min: -32_768, max: 32_767 },
  uint16: { min: 0, max: 65_535 },
  int32: { min: -(2 ** 31), max: 2 ** 31 - 1 },
  uint32: { min: 0, max: 2 ** 32 - 1 },
  int64: { min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER },
  uint64: { min: 0, max: Number.MAX_SAFE_INTEGER },
  float: null,
  double: null,
};
