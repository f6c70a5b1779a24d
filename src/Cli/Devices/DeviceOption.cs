using System.CommandLine;
using System.CommandLine.Parsing;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Devices;

/// <summary>The option <c>--device</c> of the commands that compute.</summary>
internal static class DeviceOption
{
    public static Option<DeviceChoice> Create() => new("--device")
    {
        Description = "What computes: auto takes a GPU where there is one that can be used, else the CPU. `cos devices` lists them.",
        HelpName = "auto|cpu|cuda[:N]|opencl[:N]",
        DefaultValueFactory = _ => new DeviceChoice(DeviceKind.Auto),
        CustomParser = Parse,
    };

    private static DeviceChoice Parse(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!DeviceChoice.TryParse(text, out DeviceChoice choice))
            result.AddError($"--device is \"{text}\"; expected {DeviceChoice.Syntax}.");
        return choice;
    }
}
