using ChainOfSpot.Measurement;

namespace ChainOfSpot.PeerBench;

/// <summary>What is measured of every program.</summary>
internal enum BenchTest
{
    /// <summary>A prompt, warm.</summary>
    Prefill,

    /// <summary>Tokens behind a context, warm.</summary>
    Decode,

    /// <summary>A whole process: start, load, a prompt of one token, end.</summary>
    FirstToken,
}

/// <summary>A program that is measured: for each test a command.</summary>
/// <param name="Name">What it is called in the report.</param>
/// <param name="IsOurs">Whether it is this engine.</param>
/// <param name="Prefill">With {model}, {threads}, {prefill}.</param>
/// <param name="Decode">With {model}, {threads}, {depth}, {tokens}.</param>
/// <param name="FirstToken">With {model}, {threads}; without a warm-up of its own.</param>
internal sealed record BenchProgram(string Name, bool IsOurs, CommandTemplate Prefill, CommandTemplate Decode, CommandTemplate FirstToken)
{
    /// <summary>A peer, by its name and its three commands.</summary>
    /// <exception cref="ArgumentException">A command has no {model}.</exception>
    public static BenchProgram Peer(string name, string prefill, string decode, string firstToken)
    {
        foreach (string command in (string[])[prefill, decode, firstToken])
        {
            if (!command.Contains("{model}", StringComparison.Ordinal))
                throw new ArgumentException($"--peer {name} \"{command}\": expected a command with {{model}}.", nameof(prefill));
        }
        return new(name, false, new(prefill), new(decode), new(firstToken));
    }

    /// <summary>This program itself, in a process of its own like the others.</summary>
    public static BenchProgram Ours(string cache)
    {
        string assembly = typeof(BenchProgram).Assembly.Location;
        string app = Path.ChangeExtension(assembly, OperatingSystem.IsWindows() ? ".exe" : null);
        string self = Environment.ProcessPath == app ? $"\"{app}\"" : $"dotnet \"{assembly}\"";
        string bench = $"{self} {BenchCommand.Name} --model {{model}} --threads {{threads}} --kv-cache {cache}";
        return new(
            $"ours, {cache} cache", true,
            new($"{bench} --prompt {{prefill}}"), new($"{bench} --depth {{depth}} --generate {{tokens}}"), new($"{bench} --prompt 1 --no-warm-up"));
    }

    public CommandTemplate CommandOf(BenchTest test) => test switch
    {
        BenchTest.Prefill => Prefill,
        BenchTest.Decode => Decode,
        _ => FirstToken,
    };
}
