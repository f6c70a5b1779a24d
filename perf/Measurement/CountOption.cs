using System.CommandLine;

namespace ChainOfSpot.Measurement;

/// <summary>An option that is a number of things.</summary>
public static class CountOption
{
    /// <summary>The CPU threads of a device.</summary>
    public static Option<int> Threads()
    {
        Option<int> option = Create("--threads", "CPU threads; 0 for one a core.", 0, least: 0);
        option.Aliases.Add("-t");
        return option;
    }

    /// <param name="name">The option's name.</param>
    /// <param name="description">What it counts.</param>
    /// <param name="value">What it is where nothing else is said.</param>
    /// <param name="least">The least that is taken.</param>
    public static Option<int> Create(string name, string description, int value, int least = 1)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < least)
                result.AddError($"{name} has to be {least} at least.");
        });
        return option;
    }
}
