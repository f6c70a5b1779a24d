using System.CommandLine;

namespace ChainOfSpot.Measurement;

/// <summary>An option that is a number of things.</summary>
public static class CountOption
{
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
