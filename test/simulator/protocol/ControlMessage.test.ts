import { assert, describe, it } from "@effect/vitest"
import { type ControlMessage, parseControlMessage } from "../../../src/simulator/protocol/ControlMessage.ts"

const cases: ReadonlyArray<readonly [text: string, expected: ControlMessage]> = [
  [
    `{"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":7}`,
    { kind: "subscribe", streams: ["btcusdt@trade", "ethusdt@trade"], id: "7" },
  ],
  [
    `{"method":"UNSUBSCRIBE","params":["ethusdt@trade"],"id":"u8"}`,
    { kind: "unsubscribe", streams: ["ethusdt@trade"], id: `"u8"` },
  ],
  [`{"method":"LIST_SUBSCRIPTIONS","id":null}`, { kind: "list", id: "null" }],
  [`{"method":"LIST_SUBSCRIPTIONS","id":9223372036854775807}`, { kind: "list", id: "9223372036854775807" }],
  [`{"method":"SET_PROPERTY","params":["combined",true],"id":10}`, { kind: "setCombined", value: true, id: "10" }],
  [`{"method":"GET_PROPERTY","params":["combined"],"id":-11}`, { kind: "getCombined", id: "-11" }],
]

const errors: ReadonlyArray<readonly [text: string, answer: string]> = [
  [`{"method":"SUBSCRIBE"`, `{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}`],
  [`[1]`, `{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}`],
  [`{"id":1}`, '{"code":2,"msg":"Invalid request: missing field `method` at line 1 column 8"}'],
  [
    `{"method":"subscribe","id":1}`,
    '{"code":2,"msg":"Invalid request: unknown variant `subscribe`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 21"}',
  ],
  [
    `{"method":"SUBSCRIBE","params":[],"id":1.5}`,
    `{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"}`,
  ],
  [
    `{"method":"SUBSCRIBE","params":[],"id":9223372036854775808}`,
    `{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"}`,
  ],
  [
    `{"method":"LIST_SUBSCRIPTIONS","params":["x"],"id":1}`,
    `{"code":2,"msg":"Invalid request: too many parameters","id":1}`,
  ],
  [`{"method":"SUBSCRIBE","params":[5],"id":2}`, `{"code":2,"msg":"Invalid request: invalid stream","id":2}`],
  [
    `{"method":"GET_PROPERTY","params":[5],"id":2}`,
    `{"code":2,"msg":"Invalid request: property name must be a string","id":2}`,
  ],
  [`{"method":"GET_PROPERTY","params":["x"],"id":2}`, `{"code":0,"msg":"Unknown property","id":2}`],
  [
    `{"method":"SET_PROPERTY","params":["combined","yes"],"id":2}`,
    `{"code":1,"msg":"Invalid value type: expected Boolean","id":2}`,
  ],
]

describe("ControlMessage", () => {
  it.each(cases)("reads %s", (text, expected) => {
    assert.deepStrictEqual(parseControlMessage(text), expected)
  })

  it.each(errors)("refuses %s", (text, answer) => {
    assert.deepStrictEqual(parseControlMessage(text), { kind: "error", answer })
  })
})
