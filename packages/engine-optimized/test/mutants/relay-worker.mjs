/**
 * Stands between an engine and a model process and changes what passes, as an engine with a defect would.
 * Arguments: the change, the module of the model process, its arguments.
 */
import { fork } from 'node:child_process';

const [change, module, ...args] = process.argv.slice(2);
const child = fork(module, args, { env: process.env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
/** Calls by id, to know what a result answers. */
const calls = new Map();

process.on('message', (call) => {
  calls.set(call.id, call);
  const changed = changeCall(call);
  if (changed === null) process.send({ type: 'result', id: call.id, result: call.params });
  else child.send(changed);
});
child.on('message', (message) => process.send(changeMessage(message)));
process.on('disconnect', () => child.disconnect());
child.on('exit', (code) => process.exit(code ?? 1));

/** The call as the defect makes it; `null` = it is answered here and goes no further. */
function changeCall(call) {
  const { operation, params } = call;
  const withParams = (changes) => ({ ...call, params: { ...params, ...changes } });
  if (change === 'alone-is-forgotten' && 'alone' in params) return withParams({ alone: false });
  if (change === 'grammar-is-forgotten' && operation === 'generate') return withParams({ grammar: null });
  if (change === 'threads-are-not-set' && operation === 'set-threads') return null;
  if (change === 'more-threads' && operation === 'set-threads') return withParams({ threads: params.threads + 3 });
  if (change === 'aborts-are-kept-back' && operation === 'abort') return null;
  return call;
}

function changeMessage(message) {
  const call = calls.get(message.id);
  if (change === 'cuts-are-believed' && message.type === 'result' && call?.operation === 'truncate')
    return { ...message, result: { kept: call.params.tokens } };
  return message;
}
