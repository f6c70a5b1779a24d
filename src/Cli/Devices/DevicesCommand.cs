using System.CommandLine;
using ChainOfSpot.Cli.Output;

namespace ChainOfSpot.Cli.Devices;

/// <summary><c>cos devices</c>: what computes here, and its measured roof.</summary>
internal sealed class DevicesCommand : Command
{
    private readonly Option<bool> _json = new(CosCommand.JsonOption) { Description = "Prints one JSON object." };

    public DevicesCommand(Terminal terminal)
        : base("devices", "Lists the devices that compute and measures what they can do at most (about four seconds).")
    {
        Add(_json);
        SetAction(parsed =>
        {
            CpuFacts cpu = CpuFacts.Measure();
            if (parsed.GetValue(_json))
                terminal.Out.WriteLine(CliJson.ToText(DevicesJson.Of(cpu)));
            else
                DevicesReport.Write(terminal, cpu);
        });
    }
}
