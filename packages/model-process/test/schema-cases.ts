/** A schema, texts that it and its grammar accept, and texts that neither does. */
export interface SchemaCase {
  readonly title: string;
  readonly schema: object;
  readonly valid: readonly string[];
  readonly invalid: readonly string[];
}

const person = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    address: {
      type: 'object',
      properties: { street: { type: 'string' }, zip: { type: 'string', pattern: '^[0-9]{5}$' } },
      required: ['street', 'zip'],
      additionalProperties: false,
    },
    tags: { type: 'array', items: { enum: ['a', 'b', 'c'] }, maxItems: 3 },
  },
  required: ['name', 'age'],
  additionalProperties: false,
};

export const schemaCases: readonly SchemaCase[] = [
  {
    title: 'nested objects and arrays, some of them optional',
    schema: person,
    valid: [
      '{"name":"Ada","age":36}',
      '{"name": "Ada", "age": 36, "tags": ["a", "c"]}',
      '{\n  "name": "A",\n  "age": 0,\n  "address": {\n    "street": "",\n    "zip": "01234"\n  },\n  "tags": []\n}',
    ],
    invalid: [
      '{"name":"Ada"}',
      '{"name":"","age":1}',
      '{"name":"Ada","age":151}',
      '{"name":"Ada","age":1.5}',
      '{"name":"Ada","age":1,"more":1}',
      '{"name":"Ada","age":1,"tags":["a","a","a","a"]}',
      '{"name":"Ada","age":1,"tags":["d"]}',
      '{"name":"Ada","age":1,"address":{"street":"x","zip":"123"}}',
      '{"name":"Ada","age":1,}',
      '{"name":"Ada" "age":1}',
      '{,"name":"Ada","age":1}',
    ],
  },
  {
    title: 'only optional properties',
    schema: {
      type: 'object',
      properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } },
      additionalProperties: false,
    },
    valid: ['{}', '{"a":1}', '{"b":2}', '{"c":3}', '{"a":1,"c":3}', '{"a":1,"b":2,"c":3}'],
    invalid: ['{"d":1}', '{"a":1,}', '{,"a":1}', '{"a":1"b":2}'],
  },
  {
    title: 'a required property behind optional ones',
    schema: { type: 'object', properties: { a: true, b: { type: 'null' }, c: { type: 'null' } }, required: ['b'] },
    valid: ['{"b":null}', '{"a":[1,{"x":"y"}],"b":null}', '{"b":null,"c":null}'],
    // The last is valid, and not written: further properties are those that are asked for.
    invalid: ['{}', '{"a":1}', '{"c":null}', '{"b":null,"d":1}'],
  },
  {
    title: 'a required property that is declared nowhere',
    schema: {
      type: 'object',
      properties: { a: { type: 'null' } },
      required: ['b'],
      additionalProperties: { type: 'integer' },
    },
    valid: ['{"b":1}', '{"a":null,"b":1,"c":2}'],
    invalid: ['{"a":null}', '{"b":null}'],
  },
  {
    title: 'other properties, none of them with a declared name',
    schema: { type: 'object', properties: { ab: { type: 'integer' } }, additionalProperties: { type: 'boolean' } },
    valid: ['{}', '{"ab":1,"abc":true,"a":false}', '{"a\\"b":true}', '{"x":true,"y":false}'],
    invalid: ['{"ab":true}', '{"x":1}', '{"\\u0061b":true}', '{"x":true,"ab":true}'],
  },
  {
    title: 'any object, any value',
    schema: { type: 'object', properties: { v: {} }, additionalProperties: true },
    valid: ['{}', '{"v":[null,true,-1.5e3,"\\u00e9\\n",{"":{}}]}', '{"w":1}'],
    invalid: ['[]', '{"v":nul}', '{"v":01}', '{"v":"\\ud800"}', "{'v':1}", '{"v":"\n"}'],
  },
  {
    title: 'names with a pattern',
    schema: {
      type: 'object',
      propertyNames: { pattern: '^[a-z]{2}$' },
      additionalProperties: { type: 'integer' },
      maxProperties: 2,
    },
    valid: ['{}', '{"en":1,"de":2}'],
    invalid: ['{"eng":1}', '{"a":1}', '{"aa":1,"bb":2,"cc":3}'],
  },
  {
    title: 'names from a list',
    schema: {
      type: 'object',
      propertyNames: { enum: ['en', 'de'] },
      additionalProperties: { type: 'integer' },
      minProperties: 1,
    },
    valid: ['{"en":1}', '{"de":1,"en":2}'],
    invalid: ['{}', '{"fr":1}'],
  },
  {
    title: 'enum and const of every type',
    schema: { enum: ['a"b\n', 1, -0.5, null, true, ['x', { y: 1 }], { z: [] }] },
    valid: ['"a\\"b\\n"', '1', '-0.5', 'null', 'true', '["x",{"y":1}]', '{"z":[]}'],
    invalid: ['"a"', '10', 'false', '[]'],
  },
  {
    title: 'an enum that other keywords narrow',
    schema: { type: ['string', 'integer'], enum: ['a', 'abc', 3, 30, null], maxLength: 2, maximum: 10 },
    valid: ['"a"', '3'],
    invalid: ['"abc"', '30', 'null'],
  },
  {
    title: 'a tuple',
    schema: {
      type: 'array',
      prefixItems: [{ type: 'string' }, { type: 'integer' }],
      items: { type: 'boolean' },
      minItems: 1,
      maxItems: 4,
    },
    valid: ['["a"]', '["a",1]', '["a", 1, true, false]'],
    invalid: ['[]', '[1]', '["a",true]', '["a",1,true,true,true]', '["a",]'],
  },
  {
    title: 'bounds on both sides of zero',
    schema: { type: 'integer', minimum: -15, exclusiveMaximum: 1234 },
    valid: ['-15', '-9', '-1', '0', '7', '999', '1233'],
    invalid: ['-16', '-20', '1234', '00', '-0', '+1', '1.0', '1e1', '10000'],
  },
  {
    title: 'a bound on one side',
    schema: { type: 'integer', exclusiveMinimum: 41 },
    valid: ['42', '50', '100', '999999999999999'],
    invalid: ['41', '4', '-42', '042'],
  },
  {
    title: 'a share',
    schema: { type: 'number', minimum: 0, maximum: 1 },
    valid: ['0', '0.0', '0.25', '0.999999999', '1', '1.0', '1.000'],
    invalid: ['-0.1', '1.1', '1.0001', '2', '.5', '1.'],
  },
  {
    title: 'decimals strictly between',
    schema: { type: 'number', exclusiveMinimum: -2.5, exclusiveMaximum: 13.25 },
    valid: ['-2.4', '-2.49', '-2', '0', '13', '13.2', '13.249'],
    invalid: ['-2.5', '-2.50', '-3', '13.25', '13.250', '13.3', '14'],
  },
  {
    title: 'a union, and a discriminated one',
    schema: {
      anyOf: [
        { type: 'null' },
        {
          oneOf: [
            {
              type: 'object',
              properties: { kind: { const: 'circle' }, r: { type: 'number' } },
              required: ['kind', 'r'],
            },
            {
              type: 'object',
              properties: { kind: { const: 'square' }, a: { type: 'number' } },
              required: ['kind', 'a'],
            },
          ],
          discriminator: { propertyName: 'kind' },
        },
      ],
    },
    valid: ['null', '{"kind":"circle","r":1}', '{"kind":"square","a":2.5}'],
    invalid: ['{"kind":"circle","a":1}', '{"kind":"oval"}', '{}'],
  },
  {
    title: 'what allOf adds up to',
    schema: {
      allOf: [
        { type: 'object', properties: { id: { type: 'integer', minimum: 1 } }, required: ['id'] },
        { $ref: '#/$defs/named' },
        { properties: { id: { maximum: 9 } } },
      ],
      $defs: { named: { type: 'object', properties: { name: { type: 'string', maxLength: 3 } }, required: ['name'] } },
    },
    valid: ['{"id":1,"name":"abc"}', '{"id": 9, "name": ""}'],
    invalid: ['{"id":10,"name":"a"}', '{"id":1}', '{"name":"a"}', '{"id":0,"name":"a"}', '{"id":1,"name":"abcd"}'],
  },
  {
    title: 'a tree that refers to itself',
    schema: {
      $ref: '#/definitions/node',
      definitions: {
        node: {
          type: 'object',
          properties: { value: { type: 'string' }, children: { type: 'array', items: { $ref: '#/definitions/node' } } },
          required: ['value', 'children'],
          additionalProperties: false,
        },
      },
    },
    valid: [
      '{"value":"a","children":[]}',
      '{"value":"a","children":[{"value":"b","children":[{"value":"c","children":[]}]}]}',
    ],
    invalid: ['{"value":"a"}', '{"value":"a","children":[{}]}'],
  },
  {
    title: 'an expression: a union whose branches refer to the whole',
    schema: {
      oneOf: [
        {
          type: 'object',
          properties: { left: { $ref: '#' }, op: { const: 'add' }, right: { $ref: '#' } },
          required: ['left', 'op', 'right'],
        },
        { type: 'object', properties: { op: { const: 'value' }, n: { type: 'integer' } }, required: ['op', 'n'] },
      ],
    },
    valid: ['{"op":"value","n":1}', '{"left":{"op":"value","n":1},"op":"add","right":{"op":"value","n":2}}'],
    invalid: ['{"op":"add","n":1}'],
  },
  {
    title: 'a pattern that may match anywhere',
    schema: { type: 'string', pattern: 'ab+c|^x$' },
    valid: ['"abc"', '"zzabbbczz"', '"x"', '"é\\nabc"'],
    invalid: ['"ac"', '"xx"', '""'],
  },
  {
    title: 'a pattern with a length, classes, groups, and quotes',
    schema: { type: 'string', pattern: String.raw`^(?:[^\s"]|\\|"q"){2,}\u{1F600}?$`, minLength: 3, maxLength: 5 },
    valid: ['"abc"', '"a\\\\b"', '"ab😀"', String.raw`"\"q\"\"q"`.replace(String.raw`\"\"q`, String.raw`\"é`)],
    invalid: ['"ab"', '"a b"', '"abcdef"', '"a\\u0062c"'],
  },
  {
    title: 'dates and times',
    schema: { type: 'array', prefixItems: [{ format: 'date' }, { format: 'time' }, { format: 'date-time' }] },
    valid: ['["2024-02-29","23:59:59Z","2023-12-31T00:00:00.5+01:00"]', '["1900-02-28"]'],
    invalid: ['["2023-02-29"]', '["1900-02-29"]', '["2023-04-31"]', '["2023-13-01"]', '["2024-02-29","24:00:00Z"]'],
  },
  {
    title: 'other formats of strings',
    schema: {
      type: 'array',
      prefixItems: ['uuid', 'email', 'ipv4', 'hostname', 'uri', 'duration', 'ipv6'].map((format) => ({
        type: 'string',
        format,
      })),
    },
    valid: [
      '["123e4567-e89b-12d3-a456-426614174000","ada.l@example.org","127.0.0.1","a-b.example","https://example.org:8080/a%20b?x=1#y","P1DT2H","2001:db8:0:0:0:0:0:1"]',
    ],
    invalid: [
      '["123e4567"]',
      '["123e4567-e89b-12d3-a456-426614174000","ada@"]',
      '["123e4567-e89b-12d3-a456-426614174000","a@b.org","256.1.1.1"]',
    ],
  },
  {
    title: 'numbers as other tools write them',
    schema: {
      type: 'array',
      prefixItems: [
        { type: 'integer', format: 'uint8' },
        { type: 'number', format: 'double' },
        { type: 'number', multipleOf: 1 },
      ],
    },
    valid: ['[255, 1.5, 7]', '[0]'],
    invalid: ['[256]', '[-1]', '[1,1,1.5]'],
  },
  {
    title: 'keywords without a type mean their type',
    schema: {
      properties: { a: { maxLength: 1 }, b: { minimum: 5, maximum: 7 } },
      required: ['a'],
      'x-order': 1,
      examples: [{}],
    },
    valid: ['{"a":"x"}', '{"a":"","b":6.5}'],
    invalid: ['{"a":"xx"}', '{"a":"x","b":8}'],
  },
  {
    title: 'an optional property that nothing can be is left out',
    schema: {
      type: 'object',
      properties: { a: { type: 'integer', minimum: 3, maximum: 2 }, b: false, c: true },
      required: ['c'],
    },
    valid: ['{"c":1}'],
    invalid: ['{"a":3,"c":1}', '{"b":1,"c":1}'],
  },
];

/** A schema that is refused, where, and what the message says. */
export interface RefusedSchema {
  readonly title: string;
  readonly schema: unknown;
  readonly pointer: string;
  readonly says: string;
}

const within = (schema: unknown): object => ({ type: 'object', properties: { 'a/b': schema }, required: ['a/b'] });

export const refusedSchemas: readonly RefusedSchema[] = [
  {
    title: 'a keyword that is not honoured',
    schema: within({ type: 'array', contains: {} }),
    pointer: '/properties/a~1b',
    says: 'prefixItems',
  },
  { title: 'not', schema: within({ not: {} }), pointer: '/properties/a~1b', says: 'anyOf' },
  {
    title: 'a misspelt keyword',
    schema: within({ type: 'string', maxLenght: 3 }),
    pointer: '/properties/a~1b',
    says: 'Did you mean maxLength?',
  },
  {
    title: 'nullable of OpenAPI 3.0',
    schema: within({ type: 'string', nullable: true }),
    pointer: '/properties/a~1b',
    says: '"null"',
  },
  {
    title: 'unique items',
    schema: within({ type: 'array', uniqueItems: true }),
    pointer: '/properties/a~1b/uniqueItems',
    says: 'compare',
  },
  {
    title: 'multiples',
    schema: within({ type: 'number', multipleOf: 0.01 }),
    pointer: '/properties/a~1b/multipleOf',
    says: 'got 0.01',
  },
  {
    title: 'the items of draft 7',
    schema: within({ type: 'array', items: [{}] }),
    pointer: '/properties/a~1b/items',
    says: 'prefixItems',
  },
  {
    title: 'a type that does not exist',
    schema: within({ type: 'float' }),
    pointer: '/properties/a~1b/type',
    says: 'integer',
  },
  { title: 'an empty enum', schema: within({ enum: [] }), pointer: '/properties/a~1b/enum', says: 'list' },
  {
    title: 'branches that overlap',
    schema: within({ oneOf: [{ type: 'integer' }, { type: 'number' }] }),
    pointer: '/properties/a~1b/oneOf',
    says: 'anyOf',
  },
  {
    title: 'objects of which one may be both',
    schema: within({
      oneOf: [
        { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] },
        { type: 'object', properties: { b: { type: 'null' } }, required: ['b'] },
      ],
    }),
    pointer: '/properties/a~1b/oneOf',
    says: 'const',
  },
  {
    title: 'a look-ahead',
    schema: within({ type: 'string', pattern: '^(?=a)b' }),
    pointer: '/properties/a~1b/pattern',
    says: 'look-ahead',
  },
  {
    title: 'a back-reference',
    schema: within({ type: 'string', pattern: String.raw`(a)\1` }),
    pointer: '/properties/a~1b/pattern',
    says: String.raw`\1`,
  },
  {
    title: 'a broken pattern',
    schema: within({ type: 'string', pattern: 'a)' }),
    pointer: '/properties/a~1b/pattern',
    says: ')',
  },
  {
    title: 'an unknown format',
    schema: within({ type: 'string', format: 'iri' }),
    pointer: '/properties/a~1b/format',
    says: 'date-time',
  },
  {
    title: 'a format of numbers on a string',
    schema: within({ type: 'string', format: 'int64' }),
    pointer: '/properties/a~1b/format',
    says: 'integer',
  },
  {
    title: 'a reference to elsewhere',
    schema: within({ $ref: 'https://example.org/x' }),
    pointer: '/properties/a~1b/$ref',
    says: '#/',
  },
  {
    title: 'a reference to nothing',
    schema: within({ $ref: '#/$defs/none' }),
    pointer: '/properties/a~1b/$ref',
    says: 'none',
  },
  {
    title: 'a reference to itself',
    schema: within({ $ref: '#/properties/a~1b' }),
    pointer: '/properties/a~1b',
    says: 'itself',
  },
  {
    title: 'an integer bound that is not exact',
    schema: within({ type: 'integer', maximum: 2 ** 60 }),
    pointer: '/properties/a~1b/maximum',
    says: 'exact',
  },
  {
    title: 'a length beyond counting',
    schema: within({ type: 'string', maxLength: 100_000 }),
    pointer: '/properties/a~1b/maxLength',
    says: '65536',
  },
  {
    title: 'a count of properties',
    schema: within({ properties: { a: {}, b: {} }, minProperties: 2 }),
    pointer: '/properties/a~1b/minProperties',
    says: 'required',
  },
  {
    title: 'no value at all',
    schema: within({ type: 'integer', minimum: 3, maximum: 2 }),
    pointer: '',
    says: 'exclude',
  },
  { title: 'a value without an end', schema: within({ $ref: '#' }), pointer: '', says: 'never ends' },
  { title: 'something else than a schema', schema: 'string', pointer: '', says: 'an object' },
];
