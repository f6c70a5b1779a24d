using System.Reflection;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Gpu;

namespace ChainOfSpot.Ptx;

/// <summary>A GPU kernel with its type arguments.</summary>
/// <param name="Name">Class, method and arguments, without the prefix Gpu.</param>
/// <param name="Method">What is compiled.</param>
internal sealed record KernelInstance(string Name, MethodInfo Method)
{
    private static readonly Type[] Structures = [.. typeof(GpuKernelAttribute).Assembly.GetTypes().Where(type => type.IsValueType && type.IsPublic)];

    /// <summary>Every marked method of the kernels' assembly, a generic one with every combination of arguments that it takes.</summary>
    public static IEnumerable<KernelInstance> All() =>
        from type in typeof(MatMul).Assembly.GetTypes()
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        where method.IsDefined(typeof(GpuKernelAttribute))
        from instance in Instances(method)
        orderby instance.Name
        select instance;

    private static IEnumerable<KernelInstance> Instances(MethodInfo method)
    {
        string name = $"{method.DeclaringType!.Name}.{method.Name}";
        if (!method.IsGenericMethodDefinition)
            return [new KernelInstance(name, method)];
        return Combinations(method.GetGenericArguments())
            .Select(arguments => new KernelInstance($"{name}<{string.Join(',', arguments.Select(Short))}>", method.MakeGenericMethod(arguments)));
    }

    private static IEnumerable<Type[]> Combinations(Type[] parameters)
    {
        IEnumerable<Type[]> combinations = [[]];
        foreach (Type parameter in parameters)
            combinations = combinations.SelectMany(_ => Arguments(parameter), (before, argument) => (Type[])[.. before, argument]);
        return combinations;
    }

    /// <summary>The structures that implement a parameter's interface.</summary>
    private static IEnumerable<Type> Arguments(Type parameter)
    {
        Type wanted = parameter.GetGenericParameterConstraints().Single(constraint => constraint.IsInterface);
        return Structures.Where(type => type.GetInterfaces().Contains(wanted))
            .SelectMany(type => type.IsGenericTypeDefinition ? Combinations(type.GetGenericArguments()).Select(type.MakeGenericType) : [type]);
    }

    private static string Short(Type type) =>
        (type.IsGenericType ? Short(type.GetGenericArguments()[0]) : type.Name).Replace("Gpu", "", StringComparison.Ordinal);
}
