// What making the three standard streams costs; Node makes each when it is asked for.
const { stdin, stdout, stderr } = process;
if ([stdin, stdout, stderr].includes(undefined as never)) process.exitCode = 1;
