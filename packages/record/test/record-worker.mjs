// A process that writes to a record and tells its parent of each acknowledged group: `node record-worker.mjs FOLDER NAME
// GROUPS KILL`. It begins when it is told to. KILL is where it kills itself: `before:N`, `inside:N` or `after:N` the N-th
// commit; inside is after a step of the group, before the transaction's end.
import { openRecord } from '../dist/index.js';

const [folder, name, groups, kill = ''] = process.argv.slice(2);
const [where, at] = kill.split(':');
const die = (place, group) => {
  if (place === where && group === Number(at)) process.kill(process.pid, 'SIGKILL');
};

const record = await openRecord({ folder, tiers: { semantic: { ttlMs: null, capacity: 1_000_000 } } });
process.send({ type: 'open' });
await new Promise((resolve) => process.once('message', resolve));
for (let group = 0; group < Number(groups); group += 1) {
  die('before', group);
  const memory = (step) => ({
    text: `${name} group ${group} step ${step}`,
    tier: 'semantic',
    tags: [name, `g${group}`],
  });
  const [result] = record.commit([
    {
      now: Date.now(),
      get writes() {
        return [0, 1, 2].map((step) => ({
          type: 'add',
          get memory() {
            // Read when the step is applied: the transaction is open then, and the steps before are in it.
            if (step === 2) die('inside', group);
            return memory(step);
          },
        }));
      },
    },
  ]);
  if (result instanceof Error) throw result;
  die('after', group);
  process.send({ type: 'acknowledged', group, ids: result.map(({ rows }) => rows[0].row.id) });
  if (group % 5 === 4) record.touch([result[0].rows[0].row.id], Date.now());
}
record.close();
process.disconnect();
