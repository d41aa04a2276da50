// Drives node-coap: a JSON object a line in, one or more out. What a line may hold is in node_client.py.
"use strict"

const dgram = require("dgram")
const readline = require("readline")
const coap = require("coap")

const agents = new Map() // by name: a client endpoint each, with a socket that node-coap does not close
const watches = new Map() // by id of the line that began it

function agentOf(name) {
  if (!agents.has(name)) {
    const socket = dgram.createSocket("udp4")
    agents.set(name, { socket, agent: new coap.Agent({ socket, type: "udp4" }) })
  }
  return agents.get(name).agent
}

function say(id, what) {
  process.stdout.write(JSON.stringify({ id, ...what }) + "\n")
}

function replyOf(response, payload) {
  return { code: response.code, payload: payload.toString("base64") }
}

function start(line) {
  const request = coap.request({
    ...line.request,
    token: line.token && Buffer.from(line.token, "hex"),
    agent: agentOf(line.agent),
    host: "127.0.0.1",
  })
  for (const [name, hex] of line.options) request.setOption(name, Buffer.from(hex, "hex"))
  request.on("error", (error) => say(line.id, { error: error.message }))
  request.end(Buffer.from(line.payload, "base64"))
  return request
}

const operations = {
  ask(line) {
    start(line).on("response", (response) => say(line.id, replyOf(response, response.payload)))
  },
  observe(line) {
    start(line).on("response", (response) => {
      watches.set(line.id, response)
      if (response.headers.Observe === undefined) return say(line.id, replyOf(response, response.payload))
      response.on("data", (payload) => say(line.id, replyOf(response, payload)))
    })
  },
  cancel(line) {
    watches.get(line.watch).close(true)
    say(line.id, {})
  },
  forget(line) {
    watches.get(line.watch).close(false)
    say(line.id, {})
  },
  leave(line) {
    const used = agents.get(line.agent)
    agents.delete(line.agent)
    if (used) used.socket.close()
    say(line.id, {})
  },
}

readline.createInterface({ input: process.stdin }).on("line", (text) => {
  const line = JSON.parse(text)
  operations[line.op](line)
})
