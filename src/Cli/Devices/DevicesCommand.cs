using System.CommandLine;
using ChainOfSpot.Cli.Output;

namespace ChainOfSpot.Cli.Devices;

/// <summary><c>cos devices</c>: what computes here and what does not, and the CPU's measured roof.</summary>
internal sealed class DevicesCommand : Command
{
    private readonly Option<bool> _json = new(CosCommand.JsonOption) { Description = "Prints one JSON object." };

    public DevicesCommand(Terminal terminal)
        : base("devices", "Lists the devices that compute, and why others do not; measures what the CPU can do at most (about four seconds).")
    {
        Add(_json);
        SetAction(parsed =>
        {
            CpuFacts cpu = CpuFacts.Measure();
            GpuFacts gpus = GpuFacts.Ask();
            if (parsed.GetValue(_json))
                terminal.Out.WriteLine(CliJson.ToText(DevicesJson.Of(cpu, gpus)));
            else
                DevicesReport.Write(terminal, cpu, gpus);
        });
    }
}
